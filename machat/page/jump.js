// @ts-check
/**
 * The dialog that jumps to a room: it filters the rooms by the typed text, after the combobox pattern of
 * the ARIA Authoring Practices Guide.
 *
 * @module
 */

import { element } from "./dom.js";
import { fold } from "./mentions.js";
import { panel } from "./panel.js";
import { phrase } from "./texts.js";

/** The maximum number of rooms that are listed. */
const MOST = 50;

export class JumpDialog {
  #rooms;
  #chosen;
  #list = element("ul", { class: "choices", id: "jump-list", role: "listbox" });
  #field;
  #dialog;
  /** The names of the listed rooms. @type {string[]} */
  #found = [];
  #index = 0;

  /**
   * @param {() => {name: string, label: string}[]} rooms Returns the user's rooms and conversations. The
   *     label is the text that is shown.
   * @param {(room: string) => void} chosen Called with the name of the selected room, or of another room
   *     to join.
   */
  constructor(rooms, chosen) {
    this.#rooms = rooms;
    this.#chosen = chosen;
    const title = phrase("jump.title");
    this.#list.setAttribute("aria-label", title);
    this.#field = /** @type {HTMLInputElement} */ (
      element("input", {
        role: "combobox",
        "aria-label": phrase("signin.room"),
        "aria-controls": "jump-list",
        "aria-expanded": "true",
        "aria-autocomplete": "list",
        autocomplete: "off",
        autocapitalize: "off",
        spellcheck: "false",
        maxlength: "64",
        input: () => this.#filter(),
        keydown: (event) => this.#keyed(/** @type {KeyboardEvent} */ (event)),
      })
    );
    this.#dialog = panel("jump", title, this.#field, this.#list);
  }

  open() {
    this.#field.value = "";
    this.#filter();
    this.#dialog.showModal();
    this.#field.focus();
  }

  #filter() {
    const typed = this.#field.value.trim().replace(/^#/, "");
    const wanted = fold(typed);
    const rooms = this.#rooms();
    const rank = (/** @type {{label: string}} */ { label }) =>
      fold(label).startsWith(wanted) ? 0 : 1;
    const found = rooms
      .filter(({ label }) => fold(label).includes(wanted))
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, MOST);
    const known = rooms.some(({ label }) => fold(label) === wanted);
    const options = found.map((room) => this.#option(room.name, ...shown(room)));
    this.#found = found.map(({ name }) => name);
    if (wanted && !known) {
      this.#found.push(typed);
      options.push(this.#option(typed, phrase("jump.join", { room: typed })));
    }
    this.#list.replaceChildren(...options);
    this.#select(0);
  }

  /**
   * @param {string} room
   * @param {...(Node | string)} text
   */
  #option(room, ...text) {
    const click = () => this.#choose(room);
    return element("li", { role: "option", click }, ...text);
  }

  /** @param {number} index */
  #select(index) {
    this.#index = index;
    for (const [at, option] of [...this.#list.children].entries()) {
      option.id = `jump-${at}`;
      option.setAttribute("aria-selected", String(at === index));
      if (at === index) option.scrollIntoView({ block: "nearest" });
    }
    this.#field.setAttribute("aria-activedescendant", this.#found.length ? `jump-${index}` : "");
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const count = this.#found.length;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (count === 0 || event.isComposing || event.keyCode === 229) return;
    if (by !== undefined) this.#select((this.#index + by + count) % count);
    else if (event.key === "Enter") this.#choose(this.#found[this.#index]);
    else return;
    event.preventDefault();
  }

  /** @param {string} room */
  #choose(room) {
    this.#dialog.close();
    this.#chosen(room);
  }
}

/**
 * @param {{name: string, label: string}} room
 * @returns {(Node | string)[]}
 */
function shown({ name, label }) {
  const text = element("bdi", {}, label);
  return name === label
    ? [text]
    : [text, " ", element("span", { class: "tag" }, phrase("direct.tag"))];
}
