// Where a mail is shown: a frame of its own, or the plain text of a surface. A new picture replaces the old one when it is ready.

import {el, notice} from "./dom.js";

/** An empty place that says something is coming, in the shape of a mail; it keeps its mail as wide as it is itself. */
export function stage() {
  const place = el("div.stage", {}, el("div.waiting", {"aria-hidden": "true"}, el("i"), el("i"), el("i"), el("i")));
  watch.observe(place);
  return place;
}

const watch = new ResizeObserver(entries => { for (const {target} of entries) fit(target) });

/** The HTML mail at `address`, laid out `width` CSS pixels wide and scaled to the place. */
export function showMail(place, {address, width, scheme, title, alone}) {
  const frame = el("iframe.coming", {sandbox: "", title, tabindex: alone ? null : "-1"});
  frame.addEventListener("load", () => {
    frame.classList.remove("coming");
    for (const other of [...place.children]) if (other !== frame) other.remove();
  }, {once: true});
  for (const late of place.querySelectorAll("iframe.coming")) late.remove();
  place.classList.toggle("dark", scheme === "dark");
  place.dataset.width = width;
  frame.src = address;
  place.append(frame);
  fit(place);
}

/** Source text in parts, each `[heading or "", text]`. */
export function showText(place, parts) {
  place.replaceChildren(el("div.parts", {}, parts.map(([heading, text]) => [heading && el("h3", {}, heading), source(text, heading)])));
}

export const showProblem = (place, heading, text, again) =>
  place.replaceChildren(notice(heading, text, el("p", {}, el("button", {type: "button", onclick: again}, "Try again"))));

const source = (text, label) => el("pre", {tabindex: "0", "aria-label": label || "Source"}, text);

function fit(place) {
  const scale = place.clientWidth / Number(place.dataset.width) || 1;
  for (const frame of place.querySelectorAll("iframe")) {
    frame.style.width = `${place.dataset.width}px`;
    frame.style.height = `${place.clientHeight / scale}px`;
    frame.style.transform = `scale(${scale})`;
  }
}
