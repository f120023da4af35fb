// @ts-check
/**
 * The list of suggestions above the message field. The focus stays in the field: the selected suggestion
 * is its active descendant.
 *
 * @module
 */

import { element, spoken } from "./dom.js";
import { phrase } from "./texts.js";

/**
 * @typedef {object} Suggestion
 * @property {string} text Replaces the typed text.
 * @property {string} label
 * @property {string} [sign] An emoji before the label.
 * @property {string} [about] An explanation after the label.
 */

let count = 0;

export class SuggestionList {
  /** The index of the selected suggestion, or -1. */
  selected = -1;
  #field;
  #chosen;
  #id = `suggestions${++count}`;
  #list = element("ul", {
    class: "suggestions",
    id: this.#id,
    role: "listbox",
    "aria-label": phrase("suggest.title"),
    hidden: true,
    mousedown: (event) => event.preventDefault(), // the focus stays in the field
  });
  #status = spoken("");

  /**
   * @param {HTMLTextAreaElement} field
   * @param {(index: number) => void} chosen Called when a suggestion is clicked.
   */
  constructor(field, chosen) {
    this.#field = field;
    this.#chosen = chosen;
    this.#status.setAttribute("role", "status");
    field.setAttribute("aria-autocomplete", "list");
    field.form?.prepend(this.#list, this.#status);
  }

  get shown() {
    return !this.#list.hidden;
  }

  /** @param {Suggestion[]} suggestions None of them is selected. */
  show(suggestions) {
    if (suggestions.length === 0) {
      this.close();
      return;
    }
    this.#list.replaceChildren(...suggestions.map((each, index) => this.#row(each, index)));
    this.#list.hidden = false;
    this.#field.setAttribute("aria-controls", this.#id);
    this.#status.textContent = phrase("suggest.count", { count: suggestions.length });
    this.#select(-1);
  }

  close() {
    if (this.#list.hidden) return;
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#status.textContent = "";
    this.#field.removeAttribute("aria-controls");
    this.#select(-1);
  }

  /** Select another suggestion. @param {number} by */
  move(by) {
    const all = this.#list.childElementCount;
    const from = this.selected < 0 && by < 0 ? 0 : this.selected;
    this.#select((from + by + all) % all);
  }

  /** @param {number} index */
  #select(index) {
    this.selected = index;
    for (const [at, row] of [...this.#list.children].entries()) {
      row.setAttribute("aria-selected", String(at === index));
      if (at === index) row.scrollIntoView({ block: "nearest" });
    }
    if (index < 0) this.#field.removeAttribute("aria-activedescendant");
    else this.#field.setAttribute("aria-activedescendant", `${this.#id}-${index}`);
  }

  /**
   * @param {Suggestion} suggestion
   * @param {number} index
   */
  #row({ label, sign, about }, index) {
    const row = element("li", {
      id: `${this.#id}-${index}`,
      role: "option",
      "aria-selected": "false",
      click: () => this.#chosen(index),
    });
    if (sign !== undefined) row.append(element("span", { "aria-hidden": "true" }, sign), " ");
    row.append(element("bdi", {}, label));
    if (about !== undefined) row.append(" ", element("span", { class: "quiet" }, about));
    return row;
  }
}
