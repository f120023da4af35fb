// @ts-check
/**
 * The emoji that the page offers. The first English name of each is its short code, which can be
 * typed between colons in every language.
 *
 * @module
 */

import { EMOJI_NAMES } from "./emojinames.js";
import { language } from "./texts.js";

/**
 * @typedef {object} Emoji
 * @property {string} sign
 * @property {string} code
 * @property {string} name In the user's language.
 * @property {string[]} words The names by which it is found.
 */

/** @param {string} table */
function parsed(table) {
  return table.split(", ").map((entry) => entry.split(" "));
}

const LOCAL = new Map(parsed(EMOJI_NAMES[language]).map(([sign, ...names]) => [sign, names]));

/** @type {Emoji[]} */
export const EMOJI = parsed(EMOJI_NAMES.en).map(([sign, ...names]) => {
  const local = LOCAL.get(sign) ?? names;
  const words = [...new Set([...names, ...local])];
  return { sign, code: names[0], name: local.join(" ").replaceAll("_", " "), words };
});

const CODES = new Map(EMOJI.map(({ code, sign }) => [code, sign]));

/**
 * @param {string} code
 * @returns {string | undefined} The emoji with this short code.
 */
export function signOf(code) {
  return CODES.get(code.toLowerCase());
}

/**
 * @param {string} typed
 * @returns {Emoji[]} Those with a name that begins with this text, then those with one that contains it.
 */
export function findEmoji(typed) {
  const wanted = typed.toLowerCase();
  const begins = EMOJI.filter(({ words }) => words.some((word) => word.startsWith(wanted)));
  const contains = EMOJI.filter(({ words }) => words.some((word) => word.includes(wanted)));
  return [...new Set([...begins, ...contains])];
}
