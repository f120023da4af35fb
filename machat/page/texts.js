// @ts-check
/**
 * The texts of the page in the user's language. `english.js` has the table of all texts, and each other
 * language has a table with the same keys and placeholders. `emoji.json` has the names of the emoji. No
 * other module contains text that the user sees.
 *
 * The tables of the other languages are loaded only if they are used.
 *
 * @module
 */

import { ENGLISH } from "./english.js";
import { setting } from "./settings.js";

/** @typedef {keyof typeof ENGLISH} Key */
/** @typedef {string | Record<string, string>} Text */

/** The languages in their own words. @type {Record<string, string>} */
export const NAMES = { en: "English", de: "Deutsch" };

/** The language of the page: the user's choice, or the first of the browser's that has a table. */
export const language = chosen();

function chosen() {
  const choice = setting("language");
  const wanted =
    choice === "system" ? navigator.languages.map((each) => each.split("-")[0]) : [choice];
  return wanted.find((each) => Object.hasOwn(NAMES, each)) ?? "en";
}

/** The locale for numbers and dates: the user's own variant of the language. */
export const locale =
  navigator.languages.find((each) => each.split("-")[0] === language) ?? language;

const german = language === "de" ? await import("./german.js").catch(() => null) : null;

/** @type {Record<Key, Text>} */
const TABLE = german?.GERMAN ?? ENGLISH;

const PLURALS = new Intl.PluralRules(locale);
const NUMBERS = new Intl.NumberFormat(locale);

/**
 * @param {Key} key
 * @param {Record<string, string | number>} [values] The values of the placeholders. Numbers are formatted,
 *     and `count` selects the plural form.
 * @returns {string}
 */
export function phrase(key, values = {}) {
  const found = TABLE[key];
  const text =
    typeof found === "string"
      ? found
      : (found[PLURALS.select(Number(values.count))] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? NUMBERS.format(value) : value;
  });
}

/**
 * @param {string} text
 * @returns {text is Key} Whether the tables have this key.
 */
export function isKey(text) {
  return Object.hasOwn(ENGLISH, text);
}

/**
 * @param {string | undefined} code The code of a refusal.
 * @param {string} text Its English text.
 * @returns {string} The text in the user's language if it is known, otherwise the same text.
 */
export function refusal(code, text) {
  const nobody = /^there is no user (\S+)$/.exec(text);
  if (nobody !== null) return phrase("direct.nobody", { name: nobody[1] });
  /** @type {Record<string, string>} */
  const known = german?.REFUSALS ?? {};
  return known[text.replace(/ until .*/, "")] ?? known[code ?? ""] ?? text;
}

/** Translate the texts of the document: of elements with `data-text` and `data-label`. */
export function translateDocument() {
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-text]")) {
    each.textContent = phrase(/** @type {Key} */ (each.getAttribute("data-text")));
  }
  for (const each of document.querySelectorAll("[data-label]")) {
    each.setAttribute("aria-label", phrase(/** @type {Key} */ (each.getAttribute("data-label"))));
  }
}
