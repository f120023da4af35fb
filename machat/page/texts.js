// @ts-check
/**
 * The texts of the page in the user's language. `english.js` has the table of all texts, and each other
 * language has a table with the same keys and placeholders. No other module contains text that the user
 * sees.
 *
 * @module
 */

import { ENGLISH } from "./english.js";

/** @typedef {keyof typeof ENGLISH} Key */
/** @typedef {Record<string, string | Record<string, string>>} Table */

/** The tables by language. @type {Record<string, Table>} */
const TABLES = { en: ENGLISH };

/** The language of the page, a key of the tables. */
export const language = "en";

/** The locale for numbers and dates: the user's own variant of the language. */
export const locale =
  navigator.languages.find((each) => each.split("-")[0] === language) ?? language;

const PLURALS = new Intl.PluralRules(locale);
const NUMBERS = new Intl.NumberFormat(locale);

/**
 * @param {Key} key
 * @param {Record<string, string | number>} [values] The values of the placeholders. Numbers are formatted,
 *     and `count` selects the plural form.
 * @returns {string}
 */
export function phrase(key, values = {}) {
  const found = TABLES[language][key];
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
