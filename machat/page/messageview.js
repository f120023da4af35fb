// @ts-check
/**
 * The appearance of one message.
 *
 * @module
 */

import { key } from "./client.js";
import { card, quote, reactions, removed, text } from "./content.js";
import { element, spoken } from "./dom.js";
import { linked } from "./links.js";
import { phrase } from "./texts.js";
import { day, localised, sameDay, time } from "./times.js";

/** @typedef {import("./messages.js").Item} Item */
/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./messages.js").Pending} Pending */

/** The name of the server itself, which no user can have. */
const SERVER = "machat";

/** Messages of one user within this interval are grouped, milliseconds. */
const TOGETHER = 300_000;

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
    item.reply === undefined &&
    !isNotice(item) &&
    item.at - before.at < TOGETHER &&
    !beginsDay(item, before.at)
  );
}

/**
 * @typedef {object} MessageActions
 * @property {(pending: Pending) => void} again
 * @property {(pending: Pending) => void} edit
 * @property {(pending: Pending) => void} drop
 * @property {(message: Message, button: HTMLElement) => void} menu Opens the menu of a message.
 *
 * @typedef {MessageActions & import("./content.js").ContentActions} Actions
 *
 * @typedef {object} Look The properties that determine an item's appearance, apart from the item itself.
 * @property {boolean} continued
 * @property {boolean} day
 * @property {boolean} fresh
 * @property {boolean} unfolded
 * @property {string} own The user's own name.
 * @property {Message | undefined} answered The message that it answers, if it is loaded.
 */

/**
 * @param {Item} item
 * @param {Item | undefined} before
 * @param {{earlier: number, fresh: boolean, unfolded: boolean, own: string,
 *     answered: Message | undefined}} options `earlier`: the time of the last message before it.
 * @returns {Look}
 */
export function look(item, before, { earlier, ...options }) {
  const continued = !options.fresh && continues(item, before);
  return { continued, day: beginsDay(item, earlier), ...options };
}

/**
 * @param {Item} item
 * @param {Look} look
 * @returns {string} Changes when the item must be rendered again.
 */
export function signature(item, look) {
  const { continued, day, fresh, unfolded, answered } = look;
  const states = {
    pending: () => /** @type {Pending} */ (item).error,
    gap: () => String(/** @type {import("./messages.js").Gap} */ (item).missed),
    message: () => String(/** @type {Message} */ (item).version),
    note: () => null,
  };
  return [continued, day, fresh, unfolded, answered?.version, states[item.kind]()].join();
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
  shown.append(...content(item, look, actions));
  if (item.kind === "pending") shown.append(...outcome(item, actions));
  else if (item.redacted === null) shown.append(menuButton(item, actions));
  shown.classList.toggle("pending", item.kind === "pending");
  return shown;
}

/**
 * @param {Message | Pending} item
 * @param {Look} look
 * @param {Actions} actions
 * @returns {HTMLElement[]}
 */
function content(item, look, actions) {
  const shown = [];
  if (item.reply !== undefined) shown.push(quote(item.reply, look.answered, actions));
  if (item.kind === "pending") return [...shown, text(item, look.unfolded, actions)];
  if (item.redacted !== null) return [removed(item.redacted)];
  const whole = item.text !== "" || item.data === undefined;
  shown.push(whole ? text(item, look.unfolded, actions) : card(item.data ?? {}));
  if (item.edited) shown.push(element("span", { class: "edited" }, phrase("change.edited")));
  if (item.reactions.size > 0) shown.push(reactions(item, look.own, actions));
  return shown;
}

/**
 * @param {Message} message
 * @param {Actions} actions
 */
function menuButton(message, actions) {
  const button = element("button", {
    type: "button",
    class: "menu-button",
    tabindex: "-1",
    "data-key": "menu",
    "aria-haspopup": "menu",
    "aria-label": phrase("menu.message", { name: message.from }),
    click: () => actions.menu(message, button),
  });
  return button;
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
