// What is shown, as it stands in the address: reload, back and a sent link give the same picture.

const DEFAULTS = {person: "", mail: "", surface: "html", width: "", scheme: "", theme: "", clock: "", people: ""};
const ALLOWED = {surface: ["html", "amp", "text", "json"], width: ["", "375", "600"], scheme: ["", "light", "dark"], theme: ["", "light", "dark"]};
const CLOCK = /^-?\d{1,4}[mhd]$/;

export function read(search = location.search) {
  const given = new URLSearchParams(search);
  const state = {...DEFAULTS};
  for (const key of Object.keys(DEFAULTS)) {
    const value = given.get(key);
    if (value !== null && (!ALLOWED[key] || ALLOWED[key].includes(value)) && (key !== "clock" || CLOCK.test(value))) state[key] = value;
  }
  return state;
}

/** The address of a state, without what is as usual. */
export function address(state) {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(DEFAULTS)) if (state[key] !== value) given.set(key, state[key]);
  return "?" + given;
}

/** Ids that were added by hand. */
export const added = state => state.people.split(",").filter(Boolean).map(decodeURIComponent);
export const joined = ids => ids.map(encodeURIComponent).join(",");

/** The width of the mail: side by side as on a phone, alone as in a wide window, unless the switch says so. */
export const widthOf = state => Number(state.width) || (state.person && innerWidth > 900 ? 600 : 375);
export const schemeOf = state => state.scheme || state.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
