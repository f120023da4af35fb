// @ts-check
/**
 * A dialog with one field. It stays open until its value was processed successfully.
 *
 * @module
 */

import { byId } from "./dom.js";
import { explained } from "./times.js";

/**
 * @typedef {object} Options
 * @property {(value: string) => Promise<unknown>} submitted Processes a value. If the promise is
 *     rejected, the dialog stays open and shows the error.
 * @property {(value: string) => void} [cancelled] Called when the dialog is closed, or another value is
 *     submitted, before the promise is settled.
 * @property {() => void} [done] Called when the promise is fulfilled.
 * @property {() => void} [closed] Called whenever the dialog closes.
 */

export class FieldDialog {
  #dialog;
  #field;
  #message;
  #options;
  /** The value that is being processed. @type {{value: string} | null} */
  #pending = null;

  /**
   * @param {string} id The id of the dialog. Its field, its message and its cancel button have the
   *     classes `answer`, `said` and `cancel`.
   * @param {Options} options
   */
  constructor(id, options) {
    this.#options = options;
    this.#dialog = /** @type {HTMLDialogElement} */ (byId(id));
    this.#field = /** @type {HTMLInputElement} */ (this.#dialog.querySelector("input.answer"));
    this.#message = /** @type {HTMLElement} */ (this.#dialog.querySelector(".said"));
    this.#dialog.querySelector(".cancel")?.addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#dialog.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(this.#field.value);
    });
  }

  open() {
    this.#show("", false);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /**
   * Open the dialog with a value, and submit it.
   *
   * @param {string} value
   */
  submit(value) {
    this.open();
    this.#field.value = value;
    this.#submit(value);
  }

  /** Show the progress. @param {string} text Ignored if no value is being processed. */
  progress(text) {
    if (this.#pending !== null) this.#show(text, false);
  }

  /** @param {string} value */
  async #submit(value) {
    this.#cancel();
    const pending = (this.#pending = { value });
    this.#show("", false);
    try {
      await this.#options.submitted(value);
      if (this.#pending !== pending) return;
      this.#pending = null;
      this.#dialog.close();
      this.#options.done?.();
    } catch (error) {
      if (this.#pending !== pending) return;
      this.#pending = null;
      this.#show(explained(error), true);
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
    if (pending !== null) this.#options.cancelled?.(pending.value);
  }

  /**
   * @param {string} text
   * @param {boolean} wrong
   */
  #show(text, wrong) {
    this.#message.textContent = text;
    this.#message.classList.toggle("wrong", wrong);
  }
}
