// Elements from values. Whatever comes from data is set as text or as an attribute, never parsed as markup.

/** `el("a.card", {href: "?"}, "text", child)`: nothing and false are left out; `on...` are listeners. */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return made;
}

/** Text that may be in another direction than the page. */
export const name = text => el("bdi", {dir: "auto"}, text);

/** What somebody did and how long ago; the age stays whole where room is short. */
export const doing = (text, old = "") => [el("span", {}, name(text)), old && el("span.age", {}, old)];

/** A block of code with a button that copies it. */
export function code(text, label) {
  const button = el("button", {type: "button", "aria-label": label, onclick: () => copy(text, button)}, "Copy");
  return el("div.code", {}, el("pre", {}, text), button);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "Press Ctrl-C";
  }
  setTimeout(() => { button.textContent = "Copy" }, 2000);
}

/** A notice with a heading, what can be done, and what else belongs there. */
export const notice = (heading, text, ...more) => el("div.notice", {}, el("h2", {}, heading), el("p.muted", {}, ...[text].flat()), ...more);
