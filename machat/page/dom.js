// @ts-check
/**
 * Elements, made without markup: nothing that somebody else wrote is ever parsed.
 *
 * @module
 */

/**
 * @param {string} tag
 * @param {Record<string, string | boolean | EventListener>} [attributes] Functions are listeners;
 *     `true` is an attribute without a value, `false` none.
 * @param {...(Node | string)} children Strings are text.
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/**
 * @param {string} id
 * @returns {HTMLElement} The element of the page.
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * @param {string} text For those who hear the page.
 */
export function spoken(text) {
  return element("span", { class: "spoken" }, text);
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 * @returns {string} "1 message", "2 messages"
 */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/**
 * @param {string} text
 * @returns {string} The same with a capital letter and a full stop.
 */
export function sentence(text) {
  const words = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

/** Whether there is a mouse: a field that takes the focus opens no keyboard on the screen then. */
export const pointer = matchMedia("(pointer: fine)");
