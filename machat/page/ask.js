// @ts-check
/**
 * A dialog with one field.
 *
 * @module
 */

import { byId } from "./dom.js";
import { sentence } from "./signin.js";

export class Ask {
  #dialog;
  #field;
  #said;

  /**
   * @param {string} id The dialog's: its field, the place for what is wrong, and the button that
   *     closes it have classes.
   * @param {(answer: string) => Promise<unknown>} answered If it rejects, the dialog stays and says
   *     why.
   * @param {() => void} [done] Called once it has not.
   */
  constructor(id, answered, done = () => {}) {
    this.#dialog = /** @type {HTMLDialogElement} */ (byId(id));
    this.#field = /** @type {HTMLInputElement} */ (this.#dialog.querySelector("input"));
    this.#said = /** @type {HTMLElement} */ (this.#dialog.querySelector(".said"));
    this.#dialog.querySelector(".cancel")?.addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => (this.#field.value = ""));
    this.#dialog.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      answered(this.#field.value).then(
        () => {
          this.#dialog.close();
          done();
        },
        (error) => (this.#said.textContent = sentence(error.message)),
      );
    });
  }

  open() {
    this.#said.textContent = "";
    if (!this.#dialog.open) this.#dialog.showModal();
  }
}
