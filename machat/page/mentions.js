// @ts-check
/**
 * Mentions of members in messages: `@` and a name. Names are compared as the server compares them.
 *
 * @module
 */

import { element } from "./dom.js";
import { CHARACTERS, SIGNS, key } from "./names.js";

/** An at sign that is not within a word, and the longest possible name after it. */
const MENTION = new RegExp(`(?<![${CHARACTERS}@])@([${CHARACTERS}]{1,64})`, "gu");
const SIGN = new RegExp(`[${SIGNS}]`);

/** The key of the user's own name. */
let own = "";

/**
 * @param {string} name
 * @returns {string} The key of a name. Other than lower case alone, the way over upper case treats `ß` as
 *     `ss`, as case folding does.
 */
export function fold(name) {
  return key(key(name).toUpperCase());
}

/** Set the user's own name, whose mentions are recognised from now on. @param {string} name */
export function recognise(name) {
  own = fold(name);
}

/**
 * @param {string} run The longest possible name.
 * @returns {number} The length of the user's name at its beginning, or 0. A sign after the name, such as a
 *     full stop, does not belong to it.
 */
function lengthOfOwn(run) {
  for (let end = run.length; end > 0; end--) {
    const whole = end === run.length || SIGN.test(run[end]);
    if (whole && fold(run.slice(0, end)) === own) return end;
  }
  return 0;
}

/**
 * @param {string} text
 * @returns {[number, number][]} The beginnings and ends of the mentions of the user.
 */
function find(text) {
  /** @type {[number, number][]} */
  const found = [];
  for (const { index, 1: run } of text.matchAll(MENTION)) {
    const length = lengthOfOwn(run);
    if (length > 0) found.push([index, index + 1 + length]);
  }
  return found;
}

/**
 * @param {string} text
 * @returns {boolean} Whether the user is mentioned.
 */
export function mentioned(text) {
  return find(text).length > 0;
}

/**
 * @param {string} text
 * @returns {Node[]} The text, in which mentions of the user are highlighted.
 */
export function highlighted(text) {
  const nodes = [];
  let end = 0;
  for (const [from, to] of find(text)) {
    if (from > end) nodes.push(document.createTextNode(text.slice(end, from)));
    nodes.push(element("mark", { class: "mention" }, text.slice(from, to)));
    end = to;
  }
  if (end < text.length) nodes.push(document.createTextNode(text.slice(end)));
  return nodes;
}
