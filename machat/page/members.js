// @ts-check
/**
 * The list of the members of a room: next to the messages if there is space, otherwise over them.
 *
 * @module
 */

import { key } from "./client.js";
import { element } from "./dom.js";
import { fold } from "./mentions.js";
import { hue } from "./messageview.js";
import { locale, phrase } from "./texts.js";

/** The width from which the list is next to the messages. Also in style.css. */
const WIDE = matchMedia("(min-width: 60rem)");

/** The number of names from which there is a field to find one. */
const LONG = 20;

/** Orders names. */
const { compare } = new Intl.Collator(locale);

export class Members {
  count = 0;
  own = "";
  /** @type {Map<string, string>} */
  #names = new Map();
  #list = element("ul", { class: "names" });
  /** The elements of the names that are shown. @type {Map<string, HTMLElement>} */
  #nodes = new Map();
  #note = element("p", { class: "quiet", role: "status" });
  #filter = /** @type {HTMLInputElement} */ (
    element("input", {
      "aria-label": phrase("members.find"),
      placeholder: phrase("members.find"),
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      input: () => this.show(),
    })
  );
  #options;
  #panel;

  /** Whether the user moderates the room. */
  moderated = false;
  /** Whether the members have a menu, because there are actions on them. */
  acts = false;

  /**
   * @param {string} id The id of the list.
   * @param {{menu: (name: string, button: HTMLElement) => void, panel: () => void}} options `menu` opens
   *     the menu of a member; `panel` shows the settings of the room for moderators.
   */
  constructor(id, options) {
    this.#options = options;
    const panel = { type: "button", hidden: true, click: () => options.panel() };
    this.#panel = element("button", panel, phrase("moderation.open"));
    this.button = element("button", {
      type: "button",
      class: "quiet",
      "aria-controls": id,
      click: () => this.#open(this.element.hidden !== false),
    });
    const label = phrase("members.title");
    const title = element("h3", {}, label);
    const attributes = { class: "members", id, "aria-label": label, tabindex: "0" };
    this.element = element("aside", attributes, title, this.#panel, this.#filter);
    this.element.append(this.#list, this.#note);
    this.scrim = element("div", { class: "scrim", click: () => this.#close() });
    this.#fit();
    WIDE.addEventListener("change", this.#fit);
  }

  /** The known names of the other members. */
  get others() {
    return [...this.#names.values()].filter((name) => name !== this.own);
  }

  /** Whether the names of some members are unknown. */
  get incomplete() {
    return this.#names.size !== this.count;
  }

  /**
   * Replace the list.
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
    this.button.textContent = phrase("members.here", { count: this.count });
    if (this.element.hidden) return;
    this.#panel.hidden = !this.moderated;
    const all = [...this.#names.values()].sort(compare);
    const wanted = fold(this.#filter.value.trim());
    const names = wanted ? all.filter((name) => fold(name).includes(wanted)) : all;
    const more = this.count - all.length;
    this.#arrange(names);
    this.#filter.hidden = all.length < LONG && !wanted;
    let note = more > 0 ? phrase("members.more", { count: more }) : "";
    if (wanted) note = phrase("members.found", { count: names.length });
    this.#note.textContent = note;
  }

  /** Close the list if it covers the messages. @returns {boolean} Whether it did. */
  dismiss() {
    const covers = !WIDE.matches && !this.element.hidden;
    if (covers) this.#close();
    return covers;
  }

  /** Release the resources of the list. */
  stop() {
    WIDE.removeEventListener("change", this.#fit);
  }

  #fit = () => this.#open(WIDE.matches);

  #close() {
    this.#open(false);
    this.button.focus();
  }

  /** @param {boolean} shown */
  #open(shown) {
    this.#filter.value = "";
    this.element.hidden = !shown;
    this.scrim.hidden = !shown;
    this.button.setAttribute("aria-expanded", String(shown));
    this.show();
  }

  /** Show these names. Elements of names that are shown already stay. @param {string[]} names */
  #arrange(names) {
    const before = this.#nodes;
    const sign = (/** @type {string} */ name) => `${this.acts}${name === this.own} ${name}`;
    this.#nodes = new Map(
      names.map((name) => [sign(name), before.get(sign(name)) ?? this.#one(name)]),
    );
    for (const [key, node] of before) if (!this.#nodes.has(key)) node.remove();
    let next = this.#list.firstElementChild;
    for (const node of this.#nodes.values()) {
      if (node === next) next = node.nextElementSibling;
      else this.#list.insertBefore(node, next);
    }
  }

  /** @param {string} name */
  #one(name) {
    const dot = element("span", { class: `dot ${hue(name)}`, "aria-hidden": "true" });
    const you =
      name === this.own ? [element("span", { class: "quiet" }, phrase("members.you"))] : [];
    const shown = element("bdi", {}, name);
    if (!this.acts || name === this.own) return element("li", {}, dot, shown, ...you);
    const button = element("button", {
      type: "button",
      class: "member",
      "aria-haspopup": "menu",
      click: () => this.#options.menu(name, button),
    });
    button.append(shown);
    return element("li", {}, dot, button);
  }
}
