// @ts-check
/**
 * The bar that replaces the message field in a room that the user is no longer in.
 *
 * @module
 */

import { element } from "./dom.js";
import { phrase } from "./texts.js";
import { explained } from "./times.js";

export class RejoinBar {
  #message = element("p", { role: "alert" });
  #button;

  /** @param {() => Promise<unknown>} join Joins the room again. */
  constructor(join) {
    const click = () =>
      join().catch((error) => {
        this.#message.textContent = explained(error);
      });
    this.#button = element("button", { type: "button", click }, phrase("room.joinAgain"));
    this.element = element("div", { class: "away", hidden: true }, this.#message, this.#button);
  }

  get shown() {
    return !this.element.hidden;
  }

  /** @param {string} text The reason why the user is not in the room, or the progress. */
  show(text) {
    this.#message.textContent = text;
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
  }

  focus() {
    this.#button.focus();
  }
}
