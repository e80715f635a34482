// One person: who else there is, the mail as they get it, and why.

import {decide, mailAddress, question} from "./api.js";
import {el, name} from "./dom.js";
import {personList} from "./people.js";
import {sources} from "./sources.js";
import {showMail, showProblem, showText, stage} from "./stage.js";
import {schemeOf, widthOf} from "./state.js";
import {age, clockTime} from "./time.js";
import {blind, lastDone, reasons} from "./why.js";

export function detail(model, navigate, state) {
  const people = personList(model, state, navigate);
  const heading = el("h1", {}), about = el("p.muted", {}), place = stage(), why = el("aside.reasons", {"aria-label": "Why"});
  const middle = el("section.mail", {"aria-label": "The mail"}, el("div.envelope", {}, heading, about), place);
  const root = el("div.detail", {}, people.root, middle, why);
  let latest = 0, drawn = "", shown = "";

  async function update(model, state) {
    const turn = ++latest, current = () => turn === latest;
    const person = model.people.find(each => each.id === state.person) ?? {id: state.person, name: state.person, about: ""};
    people.update(state);
    heading.replaceChildren("To ", name(person.name));
    about.textContent = person.about;
    place.style.maxWidth = state.surface === "html" ? `${widthOf(state) + 2}px` : "none";
    if (shown !== person.id) why.replaceChildren(el("p.muted", {}, "Asking …"));
    const asked = question(model, state, person.id);
    try {
      const answer = await decide(asked);
      if (current()) show(person, answer, asked, model, state);
    } catch (error) {
      if (current()) fail(error, () => update(model, state));
    }
    for (const other of model.people) if (current()) await note(other, model, state).catch(() => people.note(other.id, [], "could not be decided"));
  }

  function show(person, answer, asked, model, state) {
    if (shown !== person.id) why.scrollTop = 0;
    shown = person.id;
    why.replaceChildren(...reasons(person, answer, asked, model.segments).filter(Boolean));
    const at = answer.decision.decided_at, scheme = schemeOf(state);
    about.textContent = [person.about, clockTime(new Date(at))].filter(Boolean).join(" · ");
    const picture = JSON.stringify([person.id, answer.decision.placements, answer.lists, state.surface, widthOf(state), scheme, model.mail]);
    if (picture === drawn) return;
    drawn = picture;
    if (state.surface !== "html") showText(place, sources(answer, state.surface));
    else showMail(place, {address: mailAddress(model, person.id, answer.decision.decision_id, scheme), width: widthOf(state), scheme, title: `The mail for ${person.name}`, alone: true});
  }

  function fail(error, again) {
    drawn = shown = "";
    showProblem(place, "No decision", error.message, again);
    why.replaceChildren(el("h2", {}, "Why this mail"), el("p.muted", {}, "There is no decision to explain."));
  }

  async function note(other, model, state) {
    const {decision, lately} = await decide(question(model, {...state, surface: "json"}, other.id)), last = lastDone(lately);
    people.note(other.id, decision.explain.segments, ...last ? [last.text, age(last.at, decision.decided_at)] : [blind(decision) ? "could not be looked up" : "nothing is known yet"]);
  }
  return {root, update};
}
