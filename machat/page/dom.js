// @ts-check
/**
 * The creation of elements without markup. Text from other users is never parsed as HTML.
 *
 * @module
 */

/**
 * @param {string} tag
 * @param {Record<string, string | boolean | EventListener>} [attributes] Functions are event
 *     listeners; `true` is an attribute without a value, `false` no attribute.
 * @param {...(Node | string)} children Strings become text nodes.
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
 * @returns {HTMLElement} The element with this id.
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * @param {string} text A text for screen readers only.
 */
export function spoken(text) {
  return element("span", { class: "spoken" }, text);
}

/**
 * @param {string} text
 * @returns {string} The text with a capital letter and a full stop.
 */
export function sentence(text) {
  const words = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

/** Matches if there is a mouse. Without one, a focused field opens the on-screen keyboard. */
export const pointer = matchMedia("(pointer: fine)");
