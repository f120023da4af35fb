// @ts-check
/**
 * The field in which one writes. Enter sends; each line is a message.
 *
 * @module
 */

import { element } from "./dom.js";

/** The most lines at once. */
const LINES = 100;

/** As high as the field gets by itself, rows. */
const ROWS = 6;

export class Composer {
  #say;
  #note = element("p", { class: "note", role: "status" });

  /**
   * @param {string} room
   * @param {(lines: string[]) => boolean} say Whether they were taken.
   */
  constructor(room, say) {
    this.#say = say;
    const label = `Message to ${room}`;
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
    const send = element("button", { type: "submit", class: "primary" }, "Send");
    const row = element("div", { class: "row" }, this.field, send);
    this.element = element("form", { class: "composer", submit: (event) => this.#submit(event) });
    this.element.append(row, this.#note);
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submit(event);
  }

  #typed() {
    this.#note.textContent = "";
    this.field.rows = Math.min(ROWS, this.field.value.split("\n").length);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const lines = this.field.value.split(/[\r\n]+/).filter((line) => line.trim());
    if (lines.length > LINES) {
      this.#note.textContent = `At most ${LINES} lines at once: these are ${lines.length}.`;
    } else if (lines.length > 0 && this.#say(lines)) {
      this.field.value = "";
      this.#typed();
    } else if (lines.length > 0) {
      this.#note.textContent = "Too much waits to be sent already.";
    }
    this.field.focus();
  }
}
