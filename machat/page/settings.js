// @ts-check
/**
 * The user's settings, which the browser stores for all tabs. `theme.js` reads the theme from them before
 * the page is shown.
 *
 * @module
 */

import { read, write } from "./browserstorage.js";

const SETTINGS = "machat.settings";

/** The permitted values of each setting. The first is the default. */
export const CHOICES = /** @type {const} */ ({
  theme: ["system", "light", "dark"],
  language: ["system", "en", "de"],
  notifications: ["off", "mentions", "all"],
  sound: ["mentions", "off", "all"],
});

/** @typedef {keyof typeof CHOICES} Setting */

/** @returns {Record<string, unknown>} The stored settings, if they are valid. */
function stored() {
  try {
    const found = JSON.parse(read(() => localStorage, SETTINGS) ?? "{}");
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {}; // data of another application
  }
}

/**
 * @template {Setting} S
 * @param {S} name
 * @returns {typeof CHOICES[S][number]} The value that is stored, or the default.
 */
export function setting(name) {
  /** @type {readonly any[]} */
  const choices = CHOICES[name];
  const value = /** @type {any} */ (stored()[name]);
  return choices.includes(value) ? value : choices[0];
}

/**
 * Store the value of a setting.
 *
 * @param {Setting} name
 * @param {string} value
 */
export function changeSetting(name, value) {
  write(() => localStorage, SETTINGS, JSON.stringify({ ...stored(), [name]: value }));
  dispatchEvent(new Event("machat-settings"));
}
