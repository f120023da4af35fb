// @ts-check
/**
 * The appearance of a message's content: the message that it answers, its text or data, and the
 * reactions.
 *
 * @module
 */

import { element, spoken } from "./dom.js";
import { formatted } from "./formatting.js";
import { phrase } from "./texts.js";

/** @typedef {import("./messages.js").Item} Item */
/** @typedef {import("./messages.js").Message} Message */

/** Texts with more characters or lines are folded, and have these numbers of them when folded. */
const LONG = { characters: 1_200, lines: 30 };
const SHORT = { characters: 800, lines: 20 };

/** The length of a quoted text, characters. */
const QUOTED = 140;

/** The maximum number of entries of `data` that are shown, and of the characters of each. */
const ENTRIES = 20;
const VALUE = 200;

/** The maximum number of names that a reaction shows. */
const NAMES = 20;

/**
 * @typedef {object} ContentActions
 * @property {(item: Item) => void} unfold
 * @property {(seq: number) => void} jump Scrolls to a message.
 * @property {(message: Message, emoji: string) => void} toggle Adds or removes the user's reaction.
 */

/**
 * @param {string} text
 * @param {number} most Characters.
 */
export function shortened(text, most) {
  const characters = [...text.slice(0, 2 * most + 2)];
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : text;
}

/**
 * @param {{from: string, text: string, redacted: object | null, data?: object}} message
 * @returns {string} Its text in one line.
 */
export function summary({ text, redacted, data }) {
  if (redacted !== null) return phrase("change.removed");
  const line = text
    .replace(/```[\w+#.-]{0,20}\n|```/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  if (line === "" && data !== undefined) return Object.keys(data).slice(0, 5).join(", ");
  return shortened(line, QUOTED);
}

/**
 * @param {number} seq The number of the message that is answered.
 * @param {Message | undefined} answered The message, if it is loaded.
 * @param {ContentActions} actions
 */
export function quote(seq, answered, actions) {
  const shown = element("button", {
    type: "button",
    class: "quote",
    "data-key": "quote",
    click: () => actions.jump(seq),
  });
  if (answered === undefined) shown.append(phrase("reply.notLoaded"));
  else {
    const text = element("span", { dir: "auto" }, summary(answered));
    shown.append(spoken(phrase("reply.to")), element("bdi", {}, answered.from), " ", text);
  }
  return shown;
}

/**
 * @param {Item & {text: string}} item
 * @param {boolean} unfolded
 * @param {ContentActions} actions
 */
export function text(item, unfolded, actions) {
  const all = item.text;
  const short = folded(all);
  const shown = element("div", { class: "text", dir: "auto" });
  if (short === all) {
    shown.append(...formatted(all));
    return shown;
  }
  const words = unfolded ? phrase("message.less") : phrase("message.all", { count: all.length });
  const click = () => actions.unfold(item);
  const fold = { type: "button", class: "quiet", click, "aria-expanded": String(unfolded) };
  shown.append(...(unfolded ? formatted(all) : [...formatted(short), "…"]));
  shown.append(element("div", {}, element("button", fold, words)));
  return shown;
}

/** @param {string} all */
function folded(all) {
  const lines = all.split("\n");
  if (all.length <= LONG.characters && lines.length <= LONG.lines) return all;
  return lines.slice(0, SHORT.lines).join("\n").slice(0, SHORT.characters);
}

/** @param {{by?: string, reason?: string}} redacted */
export function removed({ by, reason }) {
  const words =
    by === undefined
      ? phrase("change.removed")
      : reason === undefined
        ? phrase("change.removedBy", { name: by })
        : phrase("change.removedFor", { name: by, reason });
  return element("p", { class: "removed" }, words);
}

/**
 * @param {Record<string, unknown>} data
 * @returns {HTMLElement} Its entries, without an interpretation.
 */
export function card(data) {
  const shown = element("dl", { class: "data", "aria-label": phrase("data.label") });
  const entries = Object.entries(data);
  for (const [name, value] of entries.slice(0, ENTRIES)) {
    const written = typeof value === "string" ? value : JSON.stringify(value);
    shown.append(element("dt", { dir: "auto" }, shortened(name, VALUE)));
    shown.append(element("dd", { dir: "auto" }, shortened(written, VALUE)));
  }
  const more = entries.length - ENTRIES;
  if (more > 0) shown.append(element("dt", {}, "…"), element("dd", {}, `+${more}`));
  return shown;
}

/**
 * @param {Message} message
 * @param {string} own The user's own name.
 * @param {ContentActions} actions
 */
export function reactions(message, own, actions) {
  const shown = element("div", { class: "reactions" });
  for (const [emoji, names] of message.reactions) {
    const some = [...names].slice(0, NAMES).join(", ");
    const more = names.size - NAMES;
    const who = more > 0 ? phrase("react.more", { names: some, count: more }) : some;
    const chip = {
      type: "button",
      class: "chip",
      "data-key": `chip ${emoji}`,
      "aria-pressed": String(names.has(own)),
      "aria-label": phrase("react.chip", { emoji, names: who, count: names.size }),
      title: who,
      click: () => actions.toggle(message, emoji),
    };
    shown.append(element("button", chip, emoji, " ", element("span", {}, String(names.size))));
  }
  return shown;
}
