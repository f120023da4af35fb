// @ts-check
/**
 * The first thing one sees: who are you, and where to?
 *
 * @module
 */

import { byId } from "./dom.js";

/** Where the name of the last time is kept. Nothing else is, and never a password. */
const KEPT = "machat.name";

/** Which field an error is about. @type {Record<string, string>} */
const FIELDS = {
  "bad-name": "name",
  "name-taken": "name",
  "bad-room": "room",
  "not-allowed": "room",
  "room-full": "room",
  "room-locked": "room",
  "bad-credentials": "password",
};

/**
 * @typedef {{name: string, room: string, password: string | undefined}} Wish
 */

export class SignIn {
  element = byId("signin");
  #form = /** @type {HTMLFormElement} */ (byId("signin-form"));
  #secret = byId("secret");
  #said = byId("signin-said");

  /** @param {(wish: Wish) => void} wanted */
  constructor(wanted) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#forget();
      wanted(this.#wish());
    });
    this.#field("name").value = kept();
    this.room = location.hash;
  }

  /** @param {string} hash The room that an address names. */
  set room(hash) {
    const room = roomOf(hash);
    if (room) this.#field("room").value = room;
  }

  /** @returns {Wish} */
  #wish() {
    const name = this.#field("name").value.trim();
    keep(name);
    const password = this.#secret.hidden ? undefined : this.#field("password").value;
    return { name, room: this.#field("room").value.trim(), password };
  }

  /** Let it be seen, and written in. */
  show() {
    this.element.hidden = false;
    this.#field(this.#field("name").value ? "room" : "name").focus();
  }

  /** Nobody needs it: a password stays nowhere. */
  hide() {
    this.element.hidden = true;
    this.#field("password").value = "";
    this.say("");
  }

  /** @param {string} text How far it is. */
  say(text) {
    this.#said.textContent = text;
    this.#said.classList.remove("wrong");
  }

  /**
   * Tell what was refused, at the field that it is about.
   *
   * @param {{code: string, message: string}} error
   */
  refuse({ code, message }) {
    const asked = code === "bad-credentials" && this.#secret.hidden;
    if (asked) this.#secret.hidden = false;
    this.say(asked ? "A password is asked for." : sentence(message));
    this.#said.classList.toggle("wrong", !asked);
    const field = this.#field(FIELDS[code] ?? "name");
    if (!asked) field.setAttribute("aria-invalid", "true");
    field.focus();
    field.select();
  }

  #forget() {
    this.say("");
    for (const name of ["name", "room", "password"]) {
      this.#field(name).removeAttribute("aria-invalid");
    }
  }

  /** @param {string} name */
  #field(name) {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem(name));
  }
}

/**
 * @param {string} hash Of an address.
 * @returns {string} The room that it names, or nothing.
 */
export function roomOf(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}

/** @param {string} text */
export function sentence(text) {
  const words = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

function kept() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return ""; // the browser keeps nothing
  }
}

/** @param {string} name */
function keep(name) {
  try {
    localStorage.setItem(KEPT, name);
  } catch {
    // nor now
  }
}
