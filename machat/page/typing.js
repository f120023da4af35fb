// @ts-check
/**
 * Notices that members are typing: the user's own, and those of the others, which expire.
 *
 * @module
 */

import { key } from "./client.js";
import { element } from "./dom.js";
import { phrase } from "./texts.js";

/** The time between two notices of the user, and the time after which one of another member expires,
 * milliseconds. */
const PAUSE = 3_000;
const EXPIRES = 6_000;

/** The maximum number of names that are shown, and stored. */
const SHOWN = 3;
const MOST = 100;

export class Typing {
  element = element("p", { class: "typing", hidden: true });
  #send;
  #sent = -Infinity;
  /** The names and the timers of those who type. @type {Map<string, {name: string, timer: any}>} */
  #names = new Map();

  /** @param {() => void} send Sends a notice. */
  constructor(send) {
    this.#send = send;
  }

  /** Record that the user has typed. @param {string} text The whole text. */
  typed(text) {
    const now = performance.now();
    if (!text.trim() || /^\/(?!\/)/.test(text) || now - this.#sent < PAUSE) return;
    this.#sent = now;
    this.#send();
  }

  /** Record that the user has sent the text. */
  sent() {
    this.#sent = -Infinity;
  }

  /** Record that a member types. @param {string} name */
  add(name) {
    if (this.#names.size >= MOST && !this.#names.has(key(name))) return;
    clearTimeout(this.#names.get(key(name))?.timer);
    const timer = setTimeout(() => this.remove(name), EXPIRES);
    this.#names.set(key(name), { name, timer });
    this.#show();
  }

  /** Record that a member has sent a message, or has left. @param {string} name */
  remove(name) {
    const found = this.#names.get(key(name));
    if (found === undefined) return;
    clearTimeout(found.timer);
    this.#names.delete(key(name));
    this.#show();
  }

  /** Forget all members, because the room is joined again or left. */
  clear() {
    for (const { name } of [...this.#names.values()]) this.remove(name);
  }

  #show() {
    const names = [...this.#names.values()].map(({ name }) => name);
    this.element.hidden = names.length === 0;
    this.element.textContent = this.#text(names);
  }

  /** @param {string[]} names */
  #text(names) {
    const more = names.length - SHOWN;
    const shown = names.slice(0, SHOWN).join(", ");
    if (more > 0) return phrase("typing.more", { names: shown, count: more });
    if (names.length > 1) return phrase("typing.some", { names: shown });
    return phrase("typing.one", { name: shown });
  }
}
