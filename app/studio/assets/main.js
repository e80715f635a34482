// The page: reads the state from the address, asks the server whom to show, and draws one of the two views.

import {people} from "./api.js";
import {controls} from "./controls.js";
import {detail} from "./detail.js";
import {code, el, notice} from "./dom.js";
import {overview} from "./overview.js";
import {addPerson, everybody} from "./people.js";
import {stage} from "./stage.js";
import {address, read} from "./state.js";
import {span} from "./time.js";
import {watch} from "./watch.js";

const main = document.getElementById("main");
const bar = document.getElementById("bar");
let state = read(), info = null, view = null, seen = "", turns = 0;

const switches = controls(bar, document.querySelector(".top"), given => navigate(state => ({...state, ...given})));

/** Go to another state; the address keeps it. */
function navigate(next) {
  state = next(state);
  history.pushState(null, "", address(state));
  draw();
}

function model() {
  const names = Object.keys(info.mails), mail = names.includes(state.mail) ? state.mail : names[0] ?? "";
  const at = span(state.clock) ? new Date(Date.now() + span(state.clock)).toISOString() : "";
  return {mail, at, placements: mail ? info.mails[mail] : info.placements, people: everybody(info, state), segments: info.segments, version: info.content_version};
}

function draw() {
  if (!info) return;
  const now = model(), ids = now.people.map(person => person.id).join(), kind = [now.people.length ? state.person ? "detail" : "overview" : "empty", now.mail, ids].join("|");
  switches.show(state, Object.keys(info.mails));
  document.title = [now.people.find(person => person.id === state.person)?.name, "Inlay"].filter(Boolean).join(" · ");
  if (kind !== seen) {
    const focus = seen !== "" && !bar.contains(document.activeElement);
    bar.hidden = !now.people.length;
    view = now.people.length ? state.person ? detail(now, navigate, state) : overview(now, navigate) : empty();
    seen = kind;
    main.replaceChildren(view.root);
    if (focus) main.focus({preventScroll: true});
  }
  const turn = ++turns;
  main.setAttribute("aria-busy", "true");
  view.update(now, state).finally(() => { if (turn === turns) main.removeAttribute("aria-busy") });
}

function empty() {
  const event = `curl -s ${location.origin}/v1/events \\\n  -d '{"type": "track", "userId": "u1", "event": "Product Viewed", "properties": {"category": "shoes"}}'`;
  const root = notice("Nobody is here yet", ["Send something that a person did, then show that person by the same id. Or start the server with an invented shop: ", el("code", {}, "inlay serve --demo"), "."],
    code(event, "Copy the command"), addPerson(navigate));
  return {root, async update() {}};
}

function loading() {
  const card = () => el("article.card", {}, el("div.who"), stage(), el("ul.why", {}, el("li"), el("li")), el("div.foot", {}, el("p.chips")));
  main.replaceChildren(el("div.overview", {"aria-busy": "true"}, el("div.intro", {}, el("h1", {}, "The same mail, decided for each person")), el("div.cards", {}, Array.from({length: 8}, card))));
}

async function load() {
  try {
    info = await people();
    draw();
  } catch (error) {
    info = view = null;
    seen = "";
    bar.hidden = true;
    main.removeAttribute("aria-busy");
    main.replaceChildren(notice("The page has nothing to show", error.message, el("p", {}, el("button", {type: "button", onclick: start}, "Try again"))));
  }
}

function start() {
  bar.hidden = false;
  switches.show(state, []);
  loading();
  return load();
}

addEventListener("popstate", () => { state = read(); draw() });
addEventListener("click", event => {
  const link = event.target.closest("a[href^='?']");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate(() => link.dataset.keep === undefined ? read(new URL(link.href).search) : {...state, person: ""});
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

await start();
watch(document.getElementById("banner"), load);
