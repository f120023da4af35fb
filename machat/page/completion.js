// @ts-check
/**
 * The completion in the message field: of names after `@`, of emoji after `:`, and of commands after a
 * slash at the beginning. A list shows the suggestions. Tab takes the first, and further Tabs the others;
 * without a suggestion, Tab moves the focus as usual. Enter takes a suggestion only if it was selected with
 * the arrow keys, so that it otherwise sends the message.
 *
 * @module
 */

import { findEmoji, loadEmoji, signOf } from "./emoji.js";
import { fold } from "./mentions.js";
import { SuggestionList } from "./suggestions.js";
import { locale, phrase } from "./texts.js";

/** @typedef {import("./suggestions.js").Suggestion} Suggestion */

/** The maximum number of suggestions in the list. */
const MOST = 20;

/** The number of characters before the cursor that are looked at. */
const BEFORE = 66;

/** The beginnings of a name, of an emoji and of a command before the cursor, and a complete short code. */
const NAME = /(?:^|[\s(])@(\S{0,64})$/u;
const CODE = /(?:^|[\s(]):([\p{L}\d_+-]{2,32})$/u;
const WHOLE = /(?:^|[\s(]):([a-z\d_+-]{2,32}):$/u;
const COMMAND = /^\/(\w{0,20})$/;

/** A command in the help: its name, its arguments, and its explanation unless it is in the list for
 * moderators. */
const HELP = /(?<=^|[ :])\/(\w+)((?: \[?\p{Lu}+\]?)*)(?:: (.*))?/gmu;

/**
 * @typedef {object} Offer
 * @property {number} from The position in the text from which a suggestion replaces it.
 * @property {Suggestion[]} suggestions
 * @property {string} text The text at this position.
 * @property {boolean} taken Whether it is the first suggestion, which was inserted.
 */

export class Completion {
  #field;
  #names;
  #list;
  /** The suggestions for the text before the cursor. @type {Offer | null} */
  #offer = null;

  /**
   * @param {HTMLTextAreaElement} field
   * @param {() => string[]} names Returns the names of the other members.
   */
  constructor(field, names) {
    this.#field = field;
    this.#names = names;
    this.#list = new SuggestionList(field, (index) => this.#take(index));
    // before the listeners of the message field, which sends with Enter
    field.addEventListener("keydown", (event) => this.#keyed(event), { capture: true });
    field.addEventListener("input", (event) => this.#typed(/** @type {InputEvent} */ (event)));
    field.addEventListener("keyup", () => this.#check());
    field.addEventListener("blur", () => this.#list.close());
    field.addEventListener("click", () => this.#look());
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
    if (altKey || ctrlKey || metaKey || shiftKey || event.isComposing) return;
    this.#check();
    const { shown, selected } = this.#list;
    if (key === "Tab") {
      if (!this.#complete()) return;
    } else if (!shown) return;
    else if (key === "Escape") this.#list.close();
    else if (key === "Enter" && selected >= 0) this.#take(selected);
    else if (key === "ArrowDown") this.#list.move(1);
    else if (key === "ArrowUp") this.#list.move(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {InputEvent} event */
  #typed(event) {
    if (!event.isTrusted) return;
    const { selectionStart: cursor } = this.#field;
    if (event.data === ":") loadEmoji().then(() => this.#look());
    // keyboards of phones compose every word
    const before = event.isComposing ? "" : this.#before;
    const code = WHOLE.exec(before)?.[1];
    const sign = code === undefined ? undefined : signOf(code);
    if (code === undefined || sign === undefined) this.#look();
    else this.#replace(cursor - code.length - 2, cursor, sign);
  }

  /** The last characters before the cursor. */
  get #before() {
    const { selectionStart: cursor, value } = this.#field;
    return value.slice(Math.max(0, cursor - BEFORE), cursor);
  }

  /** Show the suggestions for the text before the cursor. */
  #look() {
    if (document.activeElement !== this.#field) return;
    this.#offer = this.#begin();
    this.#list.show(this.#offer?.suggestions.slice(0, MOST) ?? []);
  }

  /** Close the list if its suggestions are not for the text before the cursor, which has moved. */
  #check() {
    const { selectionEnd, value } = this.#field;
    const { from, text } = this.#offer ?? {};
    if (value.slice(from, selectionEnd) !== text) this.#list.close();
  }

  /** @returns {boolean} Whether the text before the cursor was completed. */
  #complete() {
    const { selected } = this.#list;
    const offer = this.#next() ?? this.#begin();
    if (offer === null) return false;
    this.#offer = offer;
    this.#take(offer.taken ? 0 : Math.max(selected, 0));
    return true;
  }

  /** @returns {Offer | null} The other suggestions, if the last one is still before the cursor. */
  #next() {
    const { selectionStart: cursor, value } = this.#field;
    const offer = this.#offer;
    if (!offer?.taken || value.slice(offer.from, cursor) !== offer.text) return null;
    const [first, ...others] = offer.suggestions;
    return { ...offer, suggestions: [...others, first] };
  }

  /** @returns {Offer | null} The suggestions, if there are any. */
  #begin() {
    const { selectionStart: cursor, selectionEnd } = this.#field;
    if (cursor !== selectionEnd) return null;
    const before = this.#before;
    const sources = /** @type {const} */ ([
      [NAME, (/** @type {string} */ typed) => this.#members(typed)],
      [CODE, emoji],
      [COMMAND, commands],
    ]);
    for (const [pattern, find] of sources) {
      const match = pattern === COMMAND && cursor > BEFORE ? null : pattern.exec(before);
      const suggestions = match === null ? [] : find(match[1]);
      if (match === null || suggestions.length === 0) continue;
      const text = match[0].replace(/^[\s(]/, "");
      return { from: cursor - text.length, suggestions, text, taken: false };
    }
    return null;
  }

  /** @param {string} typed */
  #members(typed) {
    const wanted = fold(typed);
    return this.#names()
      .filter((name) => fold(name).startsWith(wanted))
      .sort((a, b) => a.localeCompare(b, locale))
      .map((name) => ({ text: `@${name}`, label: name }));
  }

  /** Insert a suggestion. @param {number} index */
  #take(index) {
    const offer = this.#offer;
    if (offer === null) return;
    const { suggestions } = offer;
    const ordered = [...suggestions.slice(index), ...suggestions.slice(0, index)];
    const { value, selectionEnd } = this.#field;
    const end = Math.max(offer.from, selectionEnd);
    const spaced = (offer.taken && offer.text.endsWith(" ")) || value[end] !== " ";
    const text = ordered[0].text + (spaced ? " " : "");
    this.#offer = { ...offer, suggestions: ordered, text, taken: true };
    this.#replace(offer.from, end, text);
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {string} text
   */
  #replace(from, to, text) {
    this.#list.close();
    this.#field.setRangeText(text, from, to, "end");
    this.#field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}

/** @param {string} typed */
function emoji(typed) {
  return findEmoji(typed).map(({ sign, code, name }) => ({
    text: sign,
    label: `:${code}:`,
    sign,
    about: name,
  }));
}

/** @param {string} typed */
function commands(typed) {
  return [...phrase("command.help").matchAll(HELP)]
    .filter(([, name]) => name.startsWith(typed.toLowerCase()))
    .map(([, name, parameters, about]) => ({
      text: `/${name}`,
      label: `/${name}${parameters}`,
      about: about ?? phrase("suggest.moderators"),
    }));
}
