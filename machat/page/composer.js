// @ts-check
/**
 * The message field. Enter sends; each line is a message.
 *
 * @module
 */

import { element } from "./dom.js";
import { phrase } from "./texts.js";

/** The maximum height to which the field grows, rows. */
const ROWS = 6;

/**
 * @param {KeyboardEvent} event
 * @returns {boolean} Whether the key belongs to an input method. Safari sends the Enter key that ends a
 *     composition after its end, and marks it only with the key code 229.
 */
export function composes(event) {
  return event.isComposing || event.keyCode === 229;
}

export class Composer {
  #submitted;
  #changed;
  #note = element("p", { class: "note", role: "status" });

  /**
   * @param {string} room
   * @param {(text: string) => string | null} submitted Called with the text. It returns the
   *     reason if it does not accept the text.
   * @param {(draft: string) => void} changed Called with the content of the field.
   */
  constructor(room, submitted, changed) {
    this.#submitted = submitted;
    this.#changed = changed;
    const label = phrase("composer.label", { room });
    this.field = /** @type {HTMLTextAreaElement} */ (
      element("textarea", {
        rows: "1",
        "aria-label": label,
        placeholder: label,
        enterkeyhint: "send",
        autocomplete: "off",
        dir: "auto",
        keydown: (event) => this.#keyed(/** @type {KeyboardEvent} */ (event)),
        input: () => this.#typed(),
      })
    );
    const send = element("button", { type: "submit", class: "primary" }, phrase("composer.send"));
    const row = element("div", { class: "row" }, this.field, send);
    this.element = element("form", { class: "composer", submit: (event) => this.#submit(event) });
    this.element.append(row, this.#note);
  }

  /**
   * Return a text to the field, before its content.
   *
   * @param {string} text
   */
  restore(text) {
    const { value } = this.field;
    this.field.value = value.trim() ? `${text}\n${value}` : text;
    this.#typed();
    this.field.focus();
  }

  /** @param {string} text The error. */
  warn(text) {
    this.#note.textContent = text;
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.key === "Enter" && !event.shiftKey && !composes(event)) this.#submit(event);
  }

  #typed() {
    this.warn("");
    this.field.rows = Math.min(ROWS, this.field.value.split("\n").length);
    this.#changed(this.field.value);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const { value } = this.field;
    const wrong = value.trim() ? this.#submitted(value) : null;
    if (wrong === null) {
      this.field.value = "";
      this.#typed();
    } else this.warn(wrong);
    this.field.focus();
  }
}
