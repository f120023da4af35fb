// @ts-check
/**
 * The list of rooms in the dialog for joining one, filtered by the beginning of the name that is typed.
 *
 * @module
 */

import { element } from "./dom.js";
import { phrase } from "./texts.js";

/** The time between the last key and the request, milliseconds, and the maximum number of rooms. */
const PAUSE = 200;
const LIMIT = 50;

/**
 * @typedef {import("./client.js").ListedRoom} ListedRoom
 *
 * @typedef {object} Options
 * @property {(prefix: string, limit: number) => Promise<{rooms: ListedRoom[], more: boolean}>} request
 * @property {(room: string) => void} chosen Called with the name of the room that was chosen.
 */

export class RoomList {
  #options;
  #field;
  #list = element("ul", { class: "room-list" });
  #note = element("p", { class: "quiet", role: "status" });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The number of the last request. */
  #asked = 0;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {Options} options
   */
  constructor(dialog, options) {
    this.#options = options;
    this.#field = /** @type {HTMLInputElement} */ (dialog.querySelector("input.answer"));
    dialog.querySelector(".said")?.before(this.#list, this.#note);
    this.#field.addEventListener("input", () => this.#typed());
    dialog.addEventListener("close", () => this.#clear());
  }

  /** Request the rooms whose names begin with the typed text. */
  async load() {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    const prefix = this.#field.value.replace(/^#\s*/, "").trim();
    try {
      const { rooms, more } = await this.#options.request(prefix, LIMIT);
      if (asked !== this.#asked) return;
      this.#list.replaceChildren(...rooms.map((room) => this.#one(room)));
      this.#note.textContent = more ? phrase("rooms.moreListed") : "";
    } catch {
      if (asked === this.#asked) this.#clear(); // the name can be typed without the list
    }
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load(), PAUSE);
  }

  #clear() {
    clearTimeout(this.#timer);
    this.#asked++;
    this.#list.replaceChildren();
    this.#note.textContent = "";
  }

  /** @param {ListedRoom} room */
  #one({ name, count, topic, key }) {
    const title = element("span", { class: "listed" }, element("bdi", {}, name));
    if (key) title.append(" ", element("span", { class: "tag" }, phrase("rooms.needsKey")));
    const here = element("span", { class: "quiet" }, phrase("members.here", { count }));
    const button = element("button", { type: "button", class: "quiet" }, title, here);
    button.addEventListener("click", () => this.#options.chosen(name));
    if (topic) button.append(element("span", { class: "about", dir: "auto" }, topic));
    return element("li", {}, button);
  }
}
