// @ts-check
/**
 * The appearance of one message.
 *
 * @module
 */

import { key } from "./client.js";
import { element, spoken } from "./dom.js";
import { linked } from "./links.js";
import { phrase } from "./texts.js";
import { day, localised, sameDay, time } from "./times.js";

/** @typedef {import("./messages.js").Item} Item */
/** @typedef {import("./messages.js").Pending} Pending */

/** The name of the server itself, which no user can have. */
const SERVER = "machat";

/** Messages of one user within this interval are grouped, milliseconds. */
const TOGETHER = 300_000;

/** The length from which texts are folded, and the length of a folded text, characters. */
const LONG = 1_200;
const SHORT = 800;

const HUES = 12;

/**
 * @param {string} name
 * @returns {string} The class of its colour, which depends only on the name.
 */
export function hue(name) {
  let hash = 0x811c9dc5; // FNV-1a
  for (const character of key(name)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return `hue${((hash ^ (hash >>> 15)) >>> 0) % HUES}`;
}

/**
 * @param {Item} item
 * @returns {boolean} Whether it is a notice of the server itself.
 */
export function isNotice(item) {
  return item.kind === "message" && item.from === SERVER;
}

/**
 * @param {Item} item
 * @param {number} earlier The time of the last message before it.
 * @returns {boolean} Whether it is the first of a day.
 */
function beginsDay(item, earlier) {
  return "at" in item && !sameDay(item.at, earlier);
}

/**
 * @param {Item} item
 * @param {Item | undefined} before
 * @returns {boolean} Whether it is grouped with the item before it.
 */
function continues(item, before) {
  return (
    before !== undefined &&
    "from" in item &&
    "from" in before &&
    item.from === before.from &&
    !isNotice(item) &&
    item.at - before.at < TOGETHER &&
    !beginsDay(item, before.at)
  );
}

/**
 * @typedef {object} Actions
 * @property {(pending: Pending) => void} again
 * @property {(pending: Pending) => void} edit
 * @property {(pending: Pending) => void} drop
 * @property {(item: Item) => void} unfold
 *
 * @typedef {object} Look The properties that determine an item's appearance, apart from the item itself.
 * @property {boolean} continued
 * @property {boolean} day
 * @property {boolean} fresh
 * @property {boolean} unfolded
 */

/**
 * @param {Item} item
 * @param {Item | undefined} before
 * @param {{earlier: number, fresh: boolean, unfolded: boolean}} options `earlier`: the time of the
 *     last message before it.
 * @returns {Look}
 */
export function look(item, before, { earlier, fresh, unfolded }) {
  const continued = !fresh && continues(item, before);
  return { continued, day: beginsDay(item, earlier), fresh, unfolded };
}

/**
 * @param {Item} item
 * @param {Look} look
 * @returns {string} Changes when the item must be rendered again.
 */
export function signature(item, look) {
  const state =
    item.kind === "pending" ? item.error : item.kind === "gap" ? String(item.missed) : null;
  return [look.continued, look.day, look.fresh, look.unfolded, state].join();
}

/**
 * @param {Item} item
 * @param {Look} look
 * @param {Actions} actions
 * @returns {HTMLElement}
 */
export function show(item, look, actions) {
  const shown = element("div", { class: "item" });
  if (look.day && "at" in item) shown.append(divider("day", day(item.at)));
  if (look.fresh) shown.append(divider("fresh", phrase("message.new")));
  if (item.kind === "gap") shown.append(divider("gap", missing(item.missed)));
  else if (item.kind === "note") shown.append(element("p", { class: "notice" }, item.text));
  else if (isNotice(item)) shown.append(notice(item));
  else shown.append(message(item, look, actions));
  return shown;
}

/**
 * @param {string} kind
 * @param {string} text
 */
function divider(kind, text) {
  return element("p", { class: `divider ${kind}` }, element("span", {}, text));
}

/** @param {number | null} missed */
function missing(missed) {
  return missed === null ? phrase("message.mayMiss") : phrase("message.missing", { count: missed });
}

/** @param {{text: string, at: number}} item */
function notice({ text, at }) {
  return element(
    "p",
    { class: "notice" },
    spoken(phrase("message.server")),
    element("span", { dir: "auto" }, ...linked(text)),
    " ",
    time(at),
  );
}

/**
 * @param {import("./messages.js").Message | Pending} item
 * @param {Look} look
 * @param {Actions} actions
 */
function message(item, look, actions) {
  const colour = hue(item.from);
  const shown = element("div", { class: "message" });
  if (look.continued) {
    shown.classList.add("continued");
    shown.append(time(item.at), spoken(phrase("message.from", { name: item.from })));
  } else {
    const initial = [...item.from][0]?.toUpperCase() ?? "";
    shown.append(element("span", { class: `avatar ${colour}`, "aria-hidden": "true" }, initial));
    const name = element("bdi", { class: `sender ${colour}` }, item.from);
    shown.append(element("div", { class: "head" }, name, " ", time(item.at)));
  }
  shown.append(text(item, look, actions));
  if (item.kind === "pending") shown.append(...outcome(item, actions));
  shown.classList.toggle("pending", item.kind === "pending");
  return shown;
}

/**
 * @param {Item & {text: string}} item
 * @param {Look} look
 * @param {Actions} actions
 */
function text(item, look, actions) {
  const all = item.text;
  if (all.length <= LONG) return element("div", { class: "text", dir: "auto" }, ...linked(all));
  const words = look.unfolded
    ? phrase("message.less")
    : phrase("message.all", { count: all.length });
  const fold = { type: "button", class: "quiet", click: () => actions.unfold(item) };
  const shown = look.unfolded ? linked(all) : [...linked(all.slice(0, SHORT)), "…"];
  const folds = element("button", { ...fold, "aria-expanded": String(look.unfolded) }, words);
  return element("div", { class: "text", dir: "auto" }, ...shown, element("div", {}, folds));
}

/**
 * @param {Pending} item
 * @param {Actions} actions
 * @returns {HTMLElement[]} Its outcome.
 */
function outcome(item, actions) {
  if (item.error === null) return [spoken(phrase("message.sending"))];
  const fate = item.code === "unknown" ? "message.perhapsSent" : "message.notSent";
  const reason = localised(item.error, item.code);
  const shown = element("div", { class: "fate" }, phrase(fate, { reason }));
  const button = (/** @type {string} */ words, /** @type {() => void} */ click) =>
    element("button", { type: "button", class: "quiet", click }, words);
  shown.append(
    button(phrase("message.again"), () => actions.again(item)),
    " ",
    button(phrase("message.edit"), () => actions.edit(item)),
    " ",
    button(phrase("message.remove"), () => actions.drop(item)),
  );
  return [shown];
}
