// The people: those of the shop, those added by hand, and the form that adds one.

import {doing, el, name} from "./dom.js";
import {added, address, joined} from "./state.js";

/** `{id, name, about}` of everybody who is shown. */
export function everybody(info, state) {
  const known = new Set(info.people.map(person => person.id));
  const more = added(state).filter(id => !known.has(id)).map(id => ({id, name: id, about: ""}));
  return [...info.people, ...more];
}

/** A form that shows one more person, by the id that the shop knows them under. */
export function addPerson(navigate) {
  const input = el("input", {type: "text", name: "id", placeholder: "user id", "aria-label": "Show a person by user id", autocomplete: "off", required: true, maxlength: "256"});
  return el("form.add", {onsubmit: event => {
    event.preventDefault();
    const id = input.value.trim();
    if (id) navigate(state => ({...state, people: joined([...new Set([...added(state), id])]), person: state.person && id}));
  }}, input, el("button", {}, "Show"));
}

/** The left column; `note(id, answer)` fills in what a person did lately. */
export function personList(model, state, navigate) {
  const rows = new Map(model.people.map(person => [person.id, row(person, model)]));
  const all = el("a.all", {href: address({...state, person: ""})}, "All side by side");
  const root = el("nav.persons", {"aria-label": "People"}, el("ol", {}, el("li", {}, all), [...rows.values()].map(each => el("li", {}, each.root))), addPerson(navigate));

  function update(state) {
    all.href = address({...state, person: ""});
    for (const [id, each] of rows) {
      each.root.href = address({...state, person: id});
      if (id === state.person) mark(each.root);
      else each.root.removeAttribute("aria-current");
    }
  }

  /** In a narrow window the people stand in a row that is scrolled sideways. */
  function mark(link) {
    link.setAttribute("aria-current", "page");
    if (root.scrollWidth > root.clientWidth) root.scrollLeft = link.offsetLeft - root.offsetLeft - 16;
  }
  return {root, update, note: (id, segments, ...what) => rows.get(id)?.note(segments, what)};
}

function row(person, {segments}) {
  const line = el("p.line", {}, " "), chips = el("p.chips");
  const root = el("a", {href: "?"}, el("p.name", {}, name(person.name)), line, chips);
  return {root, note(ids, what) {
    line.replaceChildren(...doing(...what));
    chips.replaceChildren(...ids.map(id => el("span.chip", {title: segments[id]}, id)));
  }};
}
