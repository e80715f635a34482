// The switches above the mails: they show the state and change it.

import {schemeOf, widthOf} from "./state.js";
import {STOPS, clockTime, moved, nearest, span} from "./time.js";

export function controls(bar, top, change) {
  const slider = bar.querySelector("#clock"), output = bar.querySelector("output"), reset = bar.querySelector("button");
  const mails = top.querySelector("[name=mail]"), theme = top.querySelector("[name=theme]");
  slider.max = STOPS.length - 1;

  bar.addEventListener("submit", event => event.preventDefault());
  bar.addEventListener("change", ({target}) => { if (target.type === "radio") change({[target.name]: target.value}) });
  slider.addEventListener("input", () => tell(STOPS[slider.value]));
  slider.addEventListener("change", () => change({clock: STOPS[slider.value]}));
  reset.addEventListener("click", () => { change({clock: ""}); slider.focus() });
  mails.addEventListener("change", () => change({mail: mails.value}));
  theme.addEventListener("change", () => change({theme: theme.value}));

  function tell(clock) {
    const text = span(clock) ? `${moved(clock)}, ${clockTime(new Date(Date.now() + span(clock)))}` : "now";
    output.textContent = `Clock: ${text}`;
    slider.setAttribute("aria-valuetext", text);
    reset.disabled = !span(clock);
  }

  function show(state, names) {
    const checked = {surface: state.surface, width: String(widthOf(state)), scheme: schemeOf(state)};
    for (const radio of bar.querySelectorAll("[type=radio]")) radio.checked = checked[radio.name] === radio.value;
    slider.value = nearest(state.clock);
    tell(state.clock);
    theme.value = state.theme;
    if (state.theme) document.documentElement.dataset.theme = state.theme;
    else delete document.documentElement.dataset.theme;
    mails.hidden = names.length < 2;
    if (mails.options.length !== names.length) mails.replaceChildren(...names.map(name => new Option(name, name)));
    mails.value = state.mail || names[0] || "";
  }
  return {show};
}
