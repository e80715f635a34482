// Why a person gets what they get: sentences, candidates, what the rules know, and how to ask again.

import {curl} from "./api.js";
import {code, el, name} from "./dom.js";
import {age, clockTime} from "./time.js";

const numbers = new Intl.NumberFormat("en-GB", {maximumFractionDigits: 3});
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

export function shownValue(value) {
  if (value === null || value === undefined) return "unknown";
  if (typeof value === "number") return numbers.format(value);
  if (typeof value === "string" && INSTANT.test(value)) return clockTime(new Date(value));
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Whether nothing could be known of the person when it was decided. */
export const blind = decision => decision.degraded.some(reason => ["store", "deadline", "profile"].includes(reason));

/** The newest thing that somebody did of their own accord, else the newest at all. */
export const lastDone = lately => lately.find(each => !each.event.startsWith("email_")) ?? lately[0];

/** One placement's choice in a sentence, as nodes. */
export function sentence(placement, choice, why, decision) {
  if (choice.offer) {
    const because = why.reasons.length ? why.reasons.join("; ") : "it is for everybody";
    return [el("b", {}, choice.offer), " in ", el("span.place", {}, placement), `: ${because}.`];
  }
  if (blind(decision)) return [el("b", {}, choice.block), ", the fallback of ", el("span.place", {}, placement), `: decided without the profile (${decision.degraded.join(", ")}).`];
  const near = why.closest ? [" Closest was ", el("b", {}, why.closest.offer), `, removed by ${why.closest.by}: ${why.closest.text}.`] : [];
  return [el("b", {}, choice.block), ", the fallback of ", el("span.place", {}, placement), ": no offer fits.", ...near];
}

/** Everything of the right column. */
export function reasons(person, answer, asked, segments) {
  const {decision, why} = answer, placements = Object.keys(decision.placements);
  return [
    section("Why this mail", placements.map(id => el("p.sentence", {}, sentence(id, decision.placements[id], why.placements[id], decision))), chips(decision.explain.segments, segments), facts(answer)),
    section("Every candidate", el("table", {}, heads("Offer", "Score"), placements.map(id => candidates(id, why.placements[id])))),
    section("What the rules know", el("table", {}, heads("Feature", "Value", "Age"), el("tbody", {}, known(answer)))),
    why.models.length > 0 && section("Model scores", el("table", {}, el("tbody", {}, why.models.map(modelRow)))),
    section("Lately", answer.lately.length ? el("table", {}, el("tbody", {}, answer.lately.map(each => happened(each, decision.decided_at)))) : el("p.muted", {}, "Nothing is known of ", name(person.name), " before this instant.")),
    section("Ask again", code(curl(asked), "Copy the command")),
  ];
}

/** Segments by their ids, with what each says where the pointer rests. */
export const chips = (ids, segments) => el("p.chips", {"aria-label": "Segments"}, ids.map(id => el("span.chip", {title: segments[id]}, id)));

function facts({decision, took_ms}) {
  const rows = [["Decided in ", `${took_ms.toFixed(1)} ms`], ["content ", decision.content_version.slice(0, 8)]];
  if (decision.degraded.length) rows.push(["degraded: ", decision.degraded.join(", ")]);
  return el("p.facts", {}, rows.map(([label, value]) => el("span", {}, label, el("b", {}, value))));
}

const section = (heading, ...content) => el("section", {}, el("h2", {}, heading), ...content);
const heads = (...labels) => el("thead", {}, el("tr", {}, labels.map((label, i) => el(i ? "th.number" : "th", {scope: "col"}, label))));

function candidates(placement, {candidates: rows, more}) {
  const highest = Math.max(...rows.map(each => Math.abs(each.score ?? 0)), 0);
  return el("tbody", {}, el("tr", {}, el("th", {colspan: "2", scope: "rowgroup"}, el("span.place", {}, placement))), rows.map(each => candidate(each, highest)),
    more > 0 && el("tr", {}, el("td.muted", {colspan: "2"}, `and ${numbers.format(more)} more that were removed`)));
}

const OUTCOMES = {chosen: "good", outranked: "muted", removed: "muted"};

function candidate(each, highest) {
  const label = each.outcome === "removed" ? each.by : each.outcome;
  return el(`tr.${each.outcome}`, {},
    el("td", {},
      el("p.id", {}, each.offer, el("span.muted", {}, `  priority ${numbers.format(each.priority)}`)),
      el("p", {}, el(`span.by.${OUTCOMES[each.outcome]}`, {}, label), each.outcome !== "chosen" && each.text),
      each.at && el("p.id.muted", {}, each.at)),
    el("td.number", {}, each.score === undefined ? el("span.muted", {"aria-label": "not scored"}, "–") : [numbers.format(each.score), bar(Math.abs(each.score) / highest)]));
}

function bar(share) {
  const inner = el("i");
  inner.style.width = `${Math.round(100 * Math.min(1, share || 0))}%`;
  return el("span.score", {"aria-hidden": "true"}, inner);
}

function known({decision, why, person}) {
  const features = Object.entries(decision.explain.features).map(([id, {value, status}]) =>
    row(id, why.features[id].text + (status ? ` (${status})` : ""), shownValue(value), why.features[id].newest && age(why.features[id].newest, decision.decided_at)));
  const traits = Object.entries(person.traits).map(([id, value]) => row(`profile.${id}`, "", shownValue(value)));
  const consents = Object.entries(person.consents).map(([id, value]) => row(`consent ${id}`, "", value));
  return [...traits, ...consents, ...features];
}

const row = (id, text, value, old) => el("tr", {}, el("td", {}, el("p.id", {}, id), text && el("p.small.muted", {}, text)), el("td.number", {}, name(value)), el("td.number.muted", {}, old || "–"));

const modelRow = ({id, text, score, from, to}) => el("tr", {},
  el("td", {}, el("p.id", {}, id), el("p.small.muted", {}, text)),
  el("td.number", {}, shownValue(score), bar((score - from) / (to - from))));

const happened = ({text, at}, now) => el("tr", {}, el("td", {}, el("p", {}, name(text))), el("td.number.muted", {}, age(at, now)));
