// @ts-check
/**
 * The parts of a direct conversation that other rooms do not have: the button that blocks the other user,
 * and the bar that shows that this user is blocked.
 *
 * @module
 */

import { element, sentence } from "./dom.js";
import { phrase } from "./texts.js";
import { explained } from "./times.js";

export class DirectBar {
  #people;
  #name;
  #text = element("p", { role: "status" });
  /** In the header of the room. */
  block;
  element;

  /**
   * @param {import("./people.js").People} people
   * @param {string} name The other user.
   */
  constructor(people, name) {
    this.#people = people;
    this.#name = name;
    const block = { type: "button", class: "quiet block", click: () => people.askBlock(name) };
    this.block = element("button", block, phrase("direct.blockButton"));
    this.block.setAttribute("aria-label", phrase("direct.block", { name }));
    const click = () => this.#unblock();
    const unblock = element("button", { type: "button", click }, phrase("direct.unblockSubmit"));
    this.element = element("div", { class: "away", hidden: true }, this.#text, unblock);
    people.addEventListener("changed", this.#show);
    this.#show();
  }

  /** Release the resources of the bar. */
  stop() {
    this.#people.removeEventListener("changed", this.#show);
  }

  #show = () => {
    const blocked = this.#people.blocks(this.#name);
    this.block.hidden = blocked;
    this.element.hidden = !blocked;
    this.#text.textContent = sentence(phrase("direct.blocked", { name: this.#name }));
  };

  async #unblock() {
    try {
      await this.#people.block(this.#name, false);
    } catch (error) {
      this.#text.textContent = explained(error);
    }
  }
}
