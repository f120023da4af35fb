// @ts-check
/**
 * What is in the place of the field in a room that we are not in any more.
 *
 * @module
 */

import { element, sentence } from "./dom.js";
import { localised } from "./times.js";

export class RejoinBar {
  #words = element("p", { role: "alert" });
  #button;

  /** @param {() => Promise<unknown>} again Joins the room again. */
  constructor(again) {
    const click = () =>
      again().catch((error) => (this.#words.textContent = sentence(localised(error.message))));
    this.#button = element("button", { type: "button", click }, "Join again");
    this.element = element("div", { class: "away", hidden: true }, this.#words, this.#button);
  }

  get shown() {
    return !this.element.hidden;
  }

  /** @param {string} words Why we are not in the room, or what it waits for. */
  show(words) {
    this.#words.textContent = words;
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
  }

  focus() {
    this.#button.focus();
  }
}
