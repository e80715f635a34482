// Instants and spans for people, and the stops of the clock.

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const UNIT = {m: MINUTE, h: HOUR, d: DAY};
const NAMES = [[DAY, "day"], [HOUR, "hour"], [MINUTE, "minute"]];

/** Where the clock stops, in the words of the address. */
export const STOPS = ["-30d", "-14d", "-7d", "-3d", "-1d", "-6h", "", "1h", "6h", "12h", "1d", "2d", "3d", "5d", "7d", "14d", "21d", "30d", "60d", "90d"];

export const span = clock => clock ? parseInt(clock, 10) * UNIT[clock.at(-1)] : 0;

/** The stop that lies nearest. */
export function nearest(clock) {
  const wanted = span(clock);
  return STOPS.reduce((best, stop, i) => Math.abs(span(stop) - wanted) < Math.abs(span(STOPS[best]) - wanted) ? i : best, 0);
}

const count = (number, unit) => `${number} ${unit}${number === 1 ? "" : "s"}`;

function amount(milliseconds) {
  const [size, unit] = NAMES.find(([size, unit]) => milliseconds >= size * (unit === "day" ? 2 : 1)) ?? [MINUTE, "minute"];
  return count(Math.round(milliseconds / size), unit);
}

/** `now`, `in 3 days`, `7 days ago`. */
export function moved(clock) {
  const by = span(clock);
  if (!by) return "now";
  return by > 0 ? `in ${amount(by)}` : `${amount(-by)} ago`;
}

/** How long before `now` something was: `3 h`, `2 d`. */
export function age(at, now) {
  const past = new Date(now) - new Date(at);
  if (past < MINUTE) return "just now";
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  if (past < 2 * DAY) return `${Math.floor(past / HOUR)} h ago`;
  return `${Math.floor(past / DAY)} d ago`;
}

const shown = new Intl.DateTimeFormat("en-GB", {weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit"});
export const clockTime = instant => shown.format(instant);
