// @ts-check
/**
 * A dialog with one field, which stays until its answer has been acted on.
 *
 * @module
 */

import { byId, sentence } from "./dom.js";
import { localised } from "./times.js";

/**
 * @typedef {object} Options
 * @property {(answer: string) => Promise<unknown>} answered If it rejects, the dialog stays and says
 *     why.
 * @property {(answer: string) => void} [cancelled] Called when the dialog is closed, or another answer
 *     is given, before the promise is settled.
 * @property {() => void} [done] Called when the promise is resolved.
 * @property {() => void} [closed] Called whenever the dialog closes.
 */

export class FieldDialog {
  #dialog;
  #field;
  #said;
  #options;
  /** What is being acted on. @type {{answer: string} | null} */
  #pending = null;

  /**
   * @param {string} id The dialog's: its field, the place for what is wrong, and the button that
   *     closes it have classes.
   * @param {Options} options
   */
  constructor(id, options) {
    this.#options = options;
    this.#dialog = /** @type {HTMLDialogElement} */ (byId(id));
    this.#field = /** @type {HTMLInputElement} */ (this.#dialog.querySelector("input.answer"));
    this.#said = /** @type {HTMLElement} */ (this.#dialog.querySelector(".said"));
    this.#dialog.querySelector(".cancel")?.addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#dialog.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(this.#field.value);
    });
  }

  open() {
    this.#tell("", false);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /**
   * Open the dialog with an answer that was given elsewhere, and act on it.
   *
   * @param {string} answer
   */
  answer(answer) {
    this.open();
    this.#field.value = answer;
    this.#submit(answer);
  }

  /** @param {string} text How far it is. Ignored if nothing is being acted on. */
  progress(text) {
    if (this.#pending !== null) this.#tell(text, false);
  }

  /** @param {string} answer */
  async #submit(answer) {
    this.#cancel();
    const pending = (this.#pending = { answer });
    this.#tell("", false);
    try {
      await this.#options.answered(answer);
      if (this.#pending !== pending) return;
      this.#pending = null;
      this.#dialog.close();
      this.#options.done?.();
    } catch (error) {
      if (this.#pending !== pending) return;
      this.#pending = null;
      this.#tell(sentence(localised(/** @type {Error} */ (error).message)), true);
    }
  }

  #closed() {
    this.#field.value = "";
    this.#cancel();
    this.#options.closed?.();
  }

  #cancel() {
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null) this.#options.cancelled?.(pending.answer);
  }

  /**
   * @param {string} text
   * @param {boolean} wrong
   */
  #tell(text, wrong) {
    this.#said.textContent = text;
    this.#said.classList.toggle("wrong", wrong);
  }
}
