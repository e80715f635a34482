// Keeps an eye on the server: new content is shown as it comes, and what is wrong is said.

import {readiness} from "./api.js";

const SECONDS = 3;

/** `changed()` is called when other content is served, and when the reader comes back to the page. */
export function watch(banner, changed) {
  let version = null;

  async function look() {
    if (document.hidden) return;
    try {
      const ready = await readiness(), problems = ready.content?.problems ?? [], now = ready.content?.version ?? null;
      if (version !== null && now !== null && now !== version) changed();
      version = now ?? version;
      if (problems.length) say("warn", "The changed content is not served", problems[0] + (problems.length > 1 ? ` (and ${problems.length - 1} more; see inlay check)` : ""));
      else if (ready.degraded?.length) say("warn", "Degraded", "the store is away: everybody is served as unknown.");
      else say("");
    } catch (error) {
      say("bad", "Out of reach", error.message);
    }
  }

  function say(tone, heading = "", text = "") {
    const [bold, rest] = banner.children;
    if (bold.textContent === heading && rest.textContent === text) return;
    bold.className = tone;
    bold.textContent = heading;
    rest.textContent = text;
    banner.hidden = !tone;
    if (!tone && version !== null) changed();
  }

  look();
  setInterval(look, SECONDS * 1000);
  addEventListener("focus", changed);
}
