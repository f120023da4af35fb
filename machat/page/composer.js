// @ts-check
/**
 * The message field. Enter sends, and Shift+Enter begins another line.
 *
 * @module
 */

import { ComposerMode } from "./composermode.js";
import { element } from "./dom.js";
import { askEmoji } from "./emojidialog.js";
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

/**
 * @typedef {import("./composermode.js").Mode} Mode
 * @typedef {import("./composermode.js").Message} Message
 *
 * @typedef {object} Options
 * @property {(text: string, mode: Mode | null) => string | null} submitted Called with the text. It
 *     returns the reason if it does not accept the text.
 * @property {(draft: string) => void} changed Called with the content of the field.
 * @property {(text: string) => void} typed Called when the user has typed in it.
 * @property {() => void} editLast Called to edit the user's last message.
 */

export class Composer {
  #options;
  #mode = new ComposerMode({
    get: () => this.field.value,
    set: (text) => this.#set(text),
  });
  #note = element("p", { class: "note", role: "status" });

  /**
   * @param {string} room
   * @param {Options} options
   */
  constructor(room, options) {
    this.#options = options;
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
        input: () => {
          this.#typed();
          if (!this.#mode.edits) this.#options.typed(this.field.value);
        },
      })
    );
    const send = element("button", { type: "submit", class: "primary" }, phrase("composer.send"));
    const emoji = element("button", {
      type: "button",
      class: "quiet emoji-open",
      "aria-label": phrase("emoji.insert"),
      title: phrase("emoji.insert"),
      click: () => this.#askEmoji(),
    });
    const row = element("div", { class: "row" }, this.field, emoji, send);
    this.element = element("form", { class: "composer", submit: (event) => this.#submit(event) });
    this.element.append(this.#mode.element, row, this.#note);
  }

  /** Whether the field is empty, and its text is for a new message. */
  get idle() {
    return this.field.value === "" && this.#mode.current === null;
  }

  /** Answer a message. @param {Message} message */
  reply(message) {
    this.#mode.reply(message);
    this.field.focus();
  }

  /**
   * Edit a message.
   *
   * @param {Message} message
   * @param {string} [text] The new text, if it was typed before.
   */
  edit(message, text) {
    this.#mode.edit(message, text);
    this.field.focus();
  }

  /** Show the change of a message. @param {Message} message */
  update(message) {
    this.#mode.changed(message);
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

  /**
   * Show a text below the field until the user types.
   *
   * @param {string} text
   * @param {boolean} [wrong] Whether it is an error.
   */
  warn(text, wrong = true) {
    this.#note.textContent = text;
    this.#note.classList.toggle("wrong", wrong);
  }

  #askEmoji() {
    this.field.focus(); // the dialog returns the focus to the field
    askEmoji({
      title: phrase("emoji.insert"),
      submit: phrase("emoji.submit"),
      chosen: async (emoji) => {
        const { selectionStart, selectionEnd } = this.field;
        this.field.setRangeText(emoji, selectionStart, selectionEnd, "end");
        this.#typed();
      },
    });
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (composes(event)) return;
    if (event.key === "Enter" && !event.shiftKey) this.#submit(event);
    else if (event.key === "ArrowUp" && !event.altKey && this.idle) {
      event.preventDefault();
      this.#options.editLast();
    } else if (event.key === "Escape" && this.#mode.current !== null) {
      event.stopPropagation();
      this.#mode.cancel();
    }
  }

  /** @param {string} text */
  #set(text) {
    this.field.value = text;
    this.#typed();
  }

  #typed() {
    this.warn("");
    this.field.rows = Math.min(ROWS, this.field.value.split("\n").length);
    if (!this.#mode.edits) this.#options.changed(this.field.value);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const { value } = this.field;
    const wrong = value.trim() ? this.#options.submitted(value, this.#mode.current) : null;
    if (wrong !== null) this.warn(wrong);
    else if (this.#mode.edits) this.#mode.cancel();
    else {
      if (value.trim()) this.#mode.cancel();
      this.#set("");
    }
    this.field.focus();
  }
}
