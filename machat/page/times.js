// @ts-check
/**
 * Times, formatted in the user's language and time zone.
 *
 * @module
 */

import { element, sentence } from "./dom.js";
import { locale, refusal } from "./texts.js";

const TIME = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const WHOLE = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
const SHORT = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

/** The format of times in the server's refusals. */
const UTC = /(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?) UTC/g;

/** @param {number} at */
export function day(at) {
  return DAY.format(at);
}

/**
 * @param {number} one
 * @param {number} other
 */
export function sameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** @param {number} at */
export function time(at) {
  const when = new Date(at);
  const machine = Number.isNaN(when.getTime()) ? "" : when.toISOString();
  if (machine === "") return element("span");
  return element("time", { datetime: machine, title: WHOLE.format(when) }, TIME.format(when));
}

/**
 * @param {string} text A text from the server.
 * @param {string} [code] The code of the refusal.
 * @returns {string} The text in the user's language if that is known, and with its times converted to the
 *     user's time zone.
 */
export function localised(text, code) {
  const translated = refusal(code, text);
  if (translated !== text) {
    const until = text.match(UTC)?.[0];
    return until ? `${translated} (${localised(until)})` : translated;
  }
  return text.replace(UTC, (written, date, clock) => {
    const at = Date.parse(`${date}T${clock}Z`);
    if (Number.isNaN(at)) return written;
    return soon(at);
  });
}

/**
 * @param {any} error A refusal.
 * @returns {string} Its reason in the user's language, as a sentence.
 */
export function explained({ message, code }) {
  return sentence(localised(message, code));
}

/**
 * @param {number} at
 * @returns {string} The time, with the date unless it is today.
 */
export function soon(at) {
  return (sameDay(at, Date.now()) ? TIME : SHORT).format(at);
}

/** The units of durations, and their lengths in seconds. */
const UNITS = /** @type {const} */ ([
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
]);

/**
 * @param {number} seconds
 * @returns {string} The duration in the largest unit that it reaches.
 */
export function duration(seconds) {
  const [unit, length] = UNITS.find(([, each]) => seconds >= each) ?? UNITS[3];
  const style = /** @type {const} */ ({
    style: "unit",
    unitDisplay: "long",
    maximumFractionDigits: 1,
  });
  return new Intl.NumberFormat(locale, { ...style, unit }).format(seconds / length);
}
