// @ts-check
/**
 * The search in the loaded messages of a room: a bar with a field, the number of matches, and buttons that
 * scroll to the previous and the next one. The words are highlighted. The bar also starts the search on the
 * server, in all stored messages.
 *
 * @module
 */

import { composes } from "./composer.js";
import { element } from "./dom.js";
import { Highlights } from "./highlights.js";
import { phrase } from "./texts.js";

/** @typedef {import("./messages.js").Message} Message */

/**
 * @typedef {object} Options
 * @property {import("./messages.js").Messages} messages
 * @property {import("./messagelist.js").MessageList} list
 * @property {(words: string) => void} search Searches on the server.
 * @property {() => void} closed Called when the bar is closed.
 */

export class FindBar {
  #options;
  #highlights;
  /** The messages with all words. @type {Message[]} */
  #found = [];
  /** @type {Message | null} */
  #current = null;
  #count = element("span", { class: "quiet", role: "status" });
  #field;

  /**
   * @param {string} room
   * @param {Options} options
   */
  constructor(room, options) {
    this.#options = options;
    this.#highlights = new Highlights(options.list, () => this.#update());
    const label = phrase("find.label", { room });
    const attributes = { type: "search", "aria-label": label, placeholder: label, dir: "auto" };
    this.#field = /** @type {HTMLInputElement} */ (
      element("input", { ...attributes, autocomplete: "off", input: () => this.#changed() })
    );
    const open = { type: "button", class: "quiet find-open", "aria-expanded": "false" };
    const name = element("span", {}, phrase("find.open"));
    this.button = element("button", { ...open, click: () => this.#toggle() }, name);
    const keydown = (/** @type {Event} */ event) =>
      this.#keyed(/** @type {KeyboardEvent} */ (event));
    const bar = { class: "find", role: "search", hidden: true, keydown };
    this.element = element("form", { ...bar, submit: (event) => event.preventDefault() });
    this.element.append(
      this.#field,
      this.#count,
      this.#button("find.older", "older", () => this.#move(-1)),
      this.#button("find.newer", "newer", () => this.#move(1)),
      this.#button("find.server", "", () => this.#search()),
      this.#button("find.close", "close", () => this.close()),
    );
  }

  /**
   * @param {import("./texts.js").Key} key
   * @param {string} sign The class of a button that shows a sign instead of the text.
   * @param {() => void} click
   */
  #button(key, sign, click) {
    const about = { type: "button", class: `quiet ${sign}`, click };
    if (sign === "") return element("button", about, phrase(key));
    return element("button", { ...about, "aria-label": phrase(key), title: phrase(key) });
  }

  #toggle() {
    if (!this.element.hidden) return this.close();
    this.element.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.#field.focus();
    this.#field.select();
    this.#changed();
  }

  /** Close the bar. The words are no longer highlighted. */
  close() {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    this.stop();
    this.#options.closed();
  }

  /** Release the resources of the bar. */
  stop() {
    this.#highlights.clear();
  }

  get #words() {
    return this.#field.value.split(/\s+/).filter((word) => word !== "");
  }

  /** Search for the words in the field, and show the last message with them. */
  #changed() {
    this.#current = null;
    this.#highlights.show(this.#words);
    this.#update();
    this.#reveal(this.#found.at(-1));
  }

  /** Search again, because the words or the messages have changed. */
  #update() {
    const { messages } = this.#options;
    this.#found = [];
    for (let index = 0; index < messages.length; index++) {
      const item = messages.at(index);
      if (item?.kind === "message" && item.redacted === null && this.#highlights.match(item.text))
        this.#found.push(item);
    }
    this.#say();
  }

  #say() {
    const count = this.#found.length;
    const number = this.#current === null ? 0 : this.#found.indexOf(this.#current) + 1;
    const place = number > 0 ? phrase("find.place", { number, count }) : phrase("find.none");
    this.#count.textContent = this.#words.length === 0 ? "" : place;
  }

  /** @param {number} by */
  #move(by) {
    const index = this.#current === null ? -1 : this.#found.indexOf(this.#current);
    const count = this.#found.length;
    this.#reveal(index < 0 ? this.#found.at(-1) : this.#found[(index + by + count) % count]);
  }

  /** @param {Message | undefined} message */
  #reveal(message) {
    this.#current = message ?? null;
    this.#highlights.current = message ?? null;
    if (message !== undefined) this.#options.list.reveal(message, false);
    this.#say();
  }

  #search() {
    const words = this.#words.join(" ");
    if (words !== "") this.#options.search(words);
    else this.#field.focus();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (composes(event)) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && event.target === this.#field) {
      event.preventDefault();
      this.#move(event.shiftKey ? 1 : -1);
    }
  }
}
