// Everybody's mail side by side, each with the reason for its choices.

import {decide, mailAddress, question} from "./api.js";
import {doing, el, name} from "./dom.js";
import {addPerson} from "./people.js";
import {showMail, showProblem, showText, stage} from "./stage.js";
import {address, schemeOf, widthOf} from "./state.js";
import {age, moved, span} from "./time.js";
import {blind, chips, lastDone, sentence} from "./why.js";
import {sources} from "./sources.js";

const WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
const word = number => WORDS[number] ?? String(number);

/** The view; `update(model, state)` brings it up to date in place. */
export function overview(model, navigate) {
  const cards = new Map(model.people.map(person => [person.id, card(person, model)]));
  const heading = el("h1", {}, "The same mail, decided for each person");
  const line = el("p", {}, "Open one to see every candidate, the features and the scores behind it.");
  const root = el("div.overview", {}, el("div.intro", {}, heading, line), el("div.cards", {}, [...cards.values()].map(each => each.root)), addPerson(navigate));
  let latest = 0;

  async function update(model, state) {
    const turn = ++latest;
    const found = await Promise.all(model.people.map(person => cards.get(person.id).update(model, state, () => turn === latest)));
    if (turn === latest) heading.textContent = headline(found.filter(Boolean), model, state);
  }
  return {root, update};
}

function headline(found, model, state) {
  if (!found.length) return "No mail could be decided";
  const what = model.mail ? `one ${model.mail}` : "one mail", people = found.length === 1 ? "one person" : `${word(found.length)} people`;
  const changed = found.filter(each => each.changed).length;
  if (span(state.clock)) return capital(`${moved(state.clock)}, ${changed ? word(changed) : "none"} of ${people} ${changed > 1 ? "get" : "gets"} another mail`);
  const different = new Set(found.map(each => each.signature)).size;
  return capital(`${what}, ${people}, ${different === 1 ? "one mail" : `${word(different)} different mails`}`);
}

const capital = text => text[0].toUpperCase() + text.slice(1);

function card(person, model) {
  const link = el("a", {href: "?"}, name(person.name)), chip = el("span"), line = el("p.line", {}, " "), place = stage();
  const why = el("ul.why", {}, model.placements.map(() => el("li")));
  let segments = el("p.chips");
  const root = el("article.card", {"aria-busy": "true"}, el("div.who", {}, el("h2", {}, link, chip), line), place, why, el("div.foot", {}, segments));
  const usual = {signature: "", version: ""};
  let drawn = "";

  async function update(model, state, current) {
    link.href = address({...state, person: person.id});
    const asked = question(model, state, person.id);
    let answer, changed = false;
    try {
      answer = await decide(asked);
      changed = span(state.clock) !== 0 && await differs(answer, model, state);
    } catch (error) {
      if (current()) fail(error, () => update(model, state, current));
      return null;
    }
    if (current()) show(answer, model, state, changed);
    return {signature: signature(answer), changed};
  }

  async function differs(answer, model, state) {
    if (usual.version !== model.version) Object.assign(usual, {signature: signature(await decide(question(model, state, person.id, ""))), version: model.version});
    return usual.signature !== signature(answer);
  }

  function show(answer, model, state, changed) {
    const {decision} = answer;
    if (!span(state.clock)) Object.assign(usual, {signature: signature(answer), version: model.version});
    chip.replaceChildren(...decision.degraded.length ? [el("span.chip.trouble", {}, "degraded")] : changed ? [el("span.chip.changed", {}, "changed")] : []);
    const last = lastDone(answer.lately);
    line.replaceChildren(...last ? doing(last.text, age(last.at, decision.decided_at)) : doing(blind(decision) ? "could not be looked up" : "nothing is known yet"));
    why.replaceChildren(...Object.entries(decision.placements).map(([id, choice]) => el("li", {}, sentence(id, choice, answer.why.placements[id], decision))));
    segments.replaceWith(segments = chips(decision.explain.segments, model.segments));
    draw(answer, model, state);
    root.setAttribute("aria-busy", "false");
  }

  function draw(answer, model, state) {
    const picture = JSON.stringify([answer.decision.placements, answer.lists, state.surface, widthOf(state), schemeOf(state), model.mail]);
    if (picture === drawn) return;
    drawn = picture;
    const scheme = schemeOf(state);
    if (state.surface !== "html") showText(place, sources(answer, state.surface));
    else showMail(place, {address: mailAddress(model, person.id, answer.decision.decision_id, scheme), width: widthOf(state), scheme, title: `The mail for ${person.name}`});
  }

  function fail(error, again) {
    drawn = "";
    line.textContent = "could not be decided";
    why.replaceChildren(...model.placements.map(() => el("li")));
    showProblem(place, "No decision", error.message, again);
    root.setAttribute("aria-busy", "false");
  }
  return {root, update};
}

/** What tells one mail from another: the offer, the block and the items of each placement. */
const signature = ({decision}) => JSON.stringify(Object.values(decision.placements).map(each => [each.offer, each.block, each.items.map(item => item.id)]));
