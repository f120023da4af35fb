// @ts-check
/**
 * Who is in a room.
 *
 * @module
 */

import { key } from "./client.js";
import { element } from "./dom.js";
import { hue } from "./messageview.js";

export class Members {
  count = 0;
  own = "";
  /** @type {Map<string, string>} */
  #names = new Map();
  #list = element("ul", { class: "names" });
  #note = element("p", { class: "quiet" });

  constructor() {
    const title = element("h3", {}, "Who is here");
    const attributes = { class: "members", "aria-label": "Who is here", tabindex: "0" };
    this.element = element("aside", attributes);
    this.element.append(title, this.#list, this.#note);
  }

  /** Whether not all that are there are known by name. */
  get incomplete() {
    return this.#names.size !== this.count;
  }

  /**
   * All that are there, as far as they are told.
   *
   * @param {{count: number, members?: string[]}} event
   */
  all({ count, members = [] }) {
    this.count = count;
    this.#names = new Map(members.map((name) => [key(name), name]));
    this.show();
  }

  /** @param {{count: number, joined?: string[], left?: string[]}} event */
  presence({ count, joined = [], left = [] }) {
    this.count = count;
    for (const name of joined) this.#names.set(key(name), name);
    for (const name of left) this.#names.delete(key(name));
    this.show();
  }

  show() {
    if (this.element.hidden) return;
    const names = [...this.#names.values()].sort((a, b) => a.localeCompare(b));
    const more = this.count - names.length;
    this.#list.replaceChildren(...names.map((name) => this.#one(name)));
    this.#note.textContent = more > 0 ? `and ${more.toLocaleString()} more` : "";
  }

  /** @param {string} name */
  #one(name) {
    const dot = element("span", { class: `dot ${hue(name)}`, "aria-hidden": "true" });
    const you = name === this.own ? [element("span", { class: "quiet" }, " (you)")] : [];
    return element("li", {}, dot, element("bdi", {}, name), ...you);
  }
}
