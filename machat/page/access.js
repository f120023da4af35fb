// @ts-check
/**
 * The controls with which moderators decide who finds a room and who can join it: the list of rooms, and
 * the key.
 *
 * @module
 */

import { element } from "./dom.js";
import { phrase } from "./texts.js";

/** The maximum length of a key, characters. */
const KEY = 128;

/**
 * @typedef {object} Options
 * @property {(action: string, fields: object) => Promise<boolean>} run Sends a command. The result is
 *     whether it was executed.
 * @property {(text: string) => void} say Shows the result.
 * @property {() => Promise<boolean | undefined>} listed Returns whether the room is listed, if it is known.
 */

export class RoomAccess {
  #options;
  #list = element("button", { type: "button", click: () => this.#toggle() });
  #listed = false;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.elements = [this.#keyForm(), element("p", {}, this.#list)];
    this.#show();
  }

  /** Request whether the room is listed. */
  async load() {
    this.#listed = (await this.#options.listed()) ?? false;
    this.#show();
  }

  #show() {
    this.#list.textContent = phrase(this.#listed ? "access.unlist" : "access.list");
  }

  async #toggle() {
    const listed = !this.#listed;
    if (!(await this.#options.run("list", { listed }))) return;
    this.#listed = listed;
    this.#show();
    this.#options.say(phrase(listed ? "access.listed" : "access.unlisted"));
  }

  #keyForm() {
    const field = /** @type {HTMLInputElement} */ (
      element("input", {
        type: "password",
        autocomplete: "new-password",
        maxlength: String(KEY),
        required: true,
      })
    );
    const set = async (/** @type {string | null} */ key) => {
      if (!(await this.#options.run("key", { key }))) return;
      field.value = "";
      this.#options.say(phrase(key === null ? "access.keyRemoved" : "access.keySet"));
    };
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      set(field.value);
    };
    const label = element("label", {}, element("span", {}, phrase("access.key")), field);
    const remove = { type: "button", click: () => set(null) };
    const row = element("div", { class: "row" });
    row.append(element("button", { type: "submit" }, phrase("access.setKey")));
    row.append(element("button", remove, phrase("access.removeKey")));
    return element("form", { submit }, label, row);
  }
}
