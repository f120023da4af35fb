// @ts-check
/**
 * The completion of names in the message field: Tab completes `@` and the beginning of a member's name.
 * Further Tabs offer the other names. Without a name to complete, Tab moves the focus as usual.
 *
 * @module
 */

import { fold } from "./mentions.js";
import { locale } from "./texts.js";

/** The beginning of a name before the cursor. */
const BEGINNING = /(?:^|[\s(])@(\S{0,64})$/u;

export class Completion {
  #field;
  #names;
  /** The names that Tab offers, from a position of the text on. @type {{from: number, names: string[], text: string} | null} */
  #offer = null;

  /**
   * @param {HTMLTextAreaElement} field
   * @param {() => string[]} names Returns the names of the other members.
   */
  constructor(field, names) {
    this.#field = field;
    this.#names = names;
    field.addEventListener("keydown", (event) => this.#keyed(event));
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
    if (key !== "Tab" || shiftKey || altKey || ctrlKey || metaKey || event.isComposing) return;
    const offer = this.#next() ?? this.#begin();
    this.#offer = offer;
    if (offer === null) return;
    event.preventDefault();
    this.#insert(offer);
  }

  /** Offer the next name, if the last one is still before the cursor. */
  #next() {
    const { selectionStart: cursor, value } = this.#field;
    const offer = this.#offer;
    if (offer === null || value.slice(offer.from, cursor) !== offer.text) return null;
    const [first, ...others] = offer.names;
    return { ...offer, names: [...others, first] };
  }

  #begin() {
    const { selectionStart: cursor, selectionEnd, value } = this.#field;
    const match = cursor === selectionEnd ? BEGINNING.exec(value.slice(0, cursor)) : null;
    if (match === null) return null;
    const typed = fold(match[1]);
    const names = this.#names()
      .filter((name) => fold(name).startsWith(typed))
      .sort((a, b) => a.localeCompare(b, locale));
    return names.length > 0 ? { from: cursor - match[1].length, names, text: match[1] } : null;
  }

  /** @param {{from: number, names: string[], text: string}} offer */
  #insert(offer) {
    const { value, selectionEnd } = this.#field;
    const space = value[offer.from + offer.text.length] === " " ? "" : " ";
    const text = offer.names[0] + (offer.text.endsWith(" ") ? " " : space);
    this.#field.setRangeText(text, offer.from, Math.max(offer.from, selectionEnd), "end");
    this.#offer = { ...offer, text };
    this.#field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}
