// @ts-check
/**
 * The dialog with the user's settings. Each change is stored at once.
 *
 * @module
 */

import { element } from "./dom.js";
import { permission } from "./notifications.js";
import { panel } from "./panel.js";
import { changeSetting, CHOICES, setting } from "./settings.js";
import { NAMES, phrase } from "./texts.js";

/** @typedef {import("./settings.js").Setting} Setting */

const SETTINGS = /** @type {Setting[]} */ (Object.keys(CHOICES));

export class SettingsView {
  #message = element("p", { class: "said", role: "status" });
  #name = element("bdi");
  #dialog;

  /** @param {() => void} signOut Leaves all rooms. */
  constructor(signOut) {
    const hint = element("p", { class: "quiet" }, phrase("settings.hidden"));
    const fields = SETTINGS.map((name) => this.#field(name));
    const click = () => {
      this.#dialog.close();
      signOut();
    };
    const out = element("button", { type: "button", click }, phrase("settings.signOut"));
    const who = element("div", { class: "row who" }, this.#name, out);
    const content = [who, ...fields, hint, this.#message];
    this.#dialog = panel("settings", phrase("settings.title"), ...content);
  }

  /** @param {string} name The user's name. */
  open(name) {
    this.#name.textContent = name;
    for (const name of SETTINGS) this.#select(name).value = setting(name);
    this.#say("");
    this.#dialog.showModal();
  }

  /** @param {Setting} name */
  #field(name) {
    const change = () => this.#changed(name, this.#select(name).value);
    const options = CHOICES[name].map((choice) => {
      const key = /** @type {import("./texts.js").Key} */ (`settings.${choice}`);
      return element("option", { value: choice }, NAMES[choice] ?? phrase(key));
    });
    const select = element("select", { name, change }, ...options);
    return element("label", {}, element("span", {}, phrase(`settings.${name}`)), select);
  }

  /** @param {Setting} name */
  #select(name) {
    return /** @type {HTMLSelectElement} */ (this.#dialog.querySelector(`[name=${name}]`));
  }

  /**
   * @param {Setting} name
   * @param {string} value
   */
  async #changed(name, value) {
    this.#say("");
    if (name === "notifications" && value !== "off" && !(await this.#permitted())) value = "off";
    this.#select(name).value = value;
    changeSetting(name, value);
    if (name === "language") location.reload(); // the rooms and the drafts survive
  }

  /** @returns {Promise<boolean>} Whether the browser permits notifications. Asks the user if necessary. */
  async #permitted() {
    const state = await permission();
    if (state === "unsupported") this.#say(phrase("settings.unsupported"));
    else if (state !== "granted") this.#say(phrase("settings.denied"));
    return state === "granted";
  }

  /** @param {string} text */
  #say(text) {
    this.#message.textContent = text;
  }
}
