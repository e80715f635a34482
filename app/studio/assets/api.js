// The server, as the page knows it.

/** What went wrong, as the server told it or as the network did. */
export class Failure extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

async function call(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Failure("The server does not answer. Is inlay serve still running?");
  }
  let body;
  try {
    body = await answer.json();
  } catch {
    throw new Failure(`The server answered ${answer.status} with something that is no JSON.`, answer.status);
  }
  if (answer.status === 401) throw new Failure("The key is no longer valid. Reload the page to give another.", 401);
  if (!answer.ok && !body.status) throw new Failure(body.error?.message ?? `The server answered ${answer.status}.`, answer.status);
  return body;
}

export const people = () => call("/studio/people.json");
export const readiness = () => call("/readyz");

let last = Promise.resolve();

/** One decision with its reasons. They are taken one after another, so that the time each took is its own. */
export function decide(question) {
  const ask = () => call("/studio/decision.json", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(question)});
  const found = last.then(ask);
  last = found.catch(() => {});
  return found;
}

/** The body of `POST /v1/decisions` for one person; `at` only where the clock was moved. */
export function question(model, state, id, at = model.at) {
  const asked = {profile: id, ...(model.mail ? {mail: model.mail} : {placements: model.placements}), surface: state.surface, explain: true};
  if (at) asked.at = at;
  return asked;
}

export function curl(asked) {
  const body = JSON.stringify(asked).replaceAll("'", "'\\''");
  return `curl -s ${location.origin}/v1/decisions \\\n  -d '${body}'`;
}

export function mailAddress(model, id, decision, scheme) {
  const query = new URLSearchParams({profile: id, decision, scheme});
  if (model.mail) query.set("mail", model.mail);
  else query.set("placements", model.placements.join(","));
  if (model.at) query.set("at", model.at);
  return `/studio/mail.html?${query}`;
}
