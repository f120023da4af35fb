// @ts-check
/**
 * The emoji that the page offers, with their names in each language. They are loaded when they are first
 * needed. The first English name of each is its short code, which can be typed between colons in every
 * language.
 *
 * @module
 */

import { language } from "./texts.js";

/**
 * @typedef {object} Emoji
 * @property {string} sign
 * @property {string} code
 * @property {string} name In the user's language.
 * @property {string[]} words The names by which it is found.
 */

/** @type {Emoji[]} */
let all = [];

/** @type {Promise<void> | null} */
let loading = null;

/**
 * Load the emoji, if they are not loaded yet.
 *
 * @returns {Promise<void>} If the server does not answer, there are none until the next call.
 */
export function loadEmoji() {
  loading ??= load().catch(() => {
    loading = null;
  });
  return loading;
}

async function load() {
  const response = await fetch("emoji.json");
  all = (await response.json()).map((/** @type {any} */ { sign, ...names }) => {
    const words = [...names.en.split(" "), ...names[language].split(" ")];
    return { sign, code: words[0], name: names[language].replaceAll("_", " "), words };
  });
}

/**
 * @param {string} code
 * @returns {string | undefined} The emoji with this short code.
 */
export function signOf(code) {
  return all.find((each) => each.code === code.toLowerCase())?.sign;
}

/**
 * @param {string} typed
 * @returns {Emoji[]} Those with a name that begins with this text, then those with one that contains it.
 */
export function findEmoji(typed) {
  const wanted = typed.toLowerCase();
  const begins = all.filter(({ words }) => words.some((word) => word.startsWith(wanted)));
  const contains = all.filter(({ words }) => words.some((word) => word.includes(wanted)));
  return [...new Set([...begins, ...contains])];
}
