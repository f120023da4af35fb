// @ts-check
/**
 * The keyboard shortcuts of the page, and the dialog that lists them.
 *
 * @module
 */

import { composes } from "./composer.js";
import { element } from "./dom.js";
import { panel } from "./panel.js";
import { phrase } from "./texts.js";

/** The shortcuts in the dialog: the keys, and the text. */
const SHORTCUTS = /** @type {const} */ ([
  [["Alt", "↑"], "keys.before"],
  [["Alt", "↓"], "keys.after"],
  [["Ctrl", "K"], "keys.jump"],
  [["Ctrl", "/"], "keys.help"],
  [["Esc"], "keys.escape"],
  [["Enter"], "keys.send"],
  [["Shift", "Enter"], "keys.line"],
  [["Tab"], "keys.complete"],
]);

/**
 * @typedef {object} Actions
 * @property {(by: number) => void} move Selects a room before or after the current one.
 * @property {() => void} jump Opens the dialog that selects a room.
 * @property {() => void} back Returns to the message field.
 * @property {() => boolean} ready Whether the user is in a room.
 */

export class Keyboard {
  #actions;
  #help;

  /** @param {Actions} actions */
  constructor(actions) {
    this.#actions = actions;
    const rows = SHORTCUTS.flatMap(([keys, key]) => [
      element("dt", {}, ...keys.map((each) => element("kbd", {}, each))),
      element("dd", {}, phrase(key)),
    ]);
    this.#help = panel("keys", phrase("keys.title"), element("dl", { class: "keys" }, ...rows));
    document.addEventListener("keydown", (event) => this.#keyed(event));
  }

  /** Show the list of shortcuts. */
  help() {
    if (!this.#help.open) this.#help.showModal();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const action = event.defaultPrevented || composes(event) ? null : this.#action(event);
    if (action === null) return;
    event.preventDefault();
    action();
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {(() => void) | null}
   */
  #action({ key, altKey, ctrlKey, metaKey, shiftKey }) {
    const control = (ctrlKey || metaKey) && !altKey;
    if (control && key === "/") return () => this.help();
    if (document.querySelector("dialog[open]") !== null || !this.#actions.ready()) return null;
    const { move, jump, back } = this.#actions;
    if (control && !shiftKey && key.toLowerCase() === "k") return jump;
    if (altKey && !control && key === "ArrowUp") return () => move(-1);
    if (altKey && !control && key === "ArrowDown") return () => move(1);
    return key === "Escape" && !control && !altKey ? back : null;
  }
}
