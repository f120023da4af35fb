// @ts-check
/**
 * The first thing one sees: who are you, and where to?
 *
 * @module
 */

import { countdown, interruption } from "./connectionview.js";
import { byId, sentence } from "./dom.js";
import { keepName, lastName } from "./storage.js";
import { localised } from "./times.js";

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
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {(wish: Wish) => void} wanted */
  constructor(wanted) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#forget();
      wanted(this.#wish());
    });
    // somebody may have typed before this ran
    const name = this.#field("name");
    if (!name.value) name.value = lastName();
    const room = this.#field("room");
    if (room.value === room.defaultValue) this.room = roomOf(location.hash);
    this.#form.querySelector("button")?.removeAttribute("disabled");
  }

  /** @param {string} name */
  set name(name) {
    this.#field("name").value = name;
  }

  /** @param {string} room Nothing leaves the field as it is. */
  set room(room) {
    if (room) this.#field("room").value = room;
  }

  /** @returns {Wish} */
  #wish() {
    const name = this.#field("name").value.trim();
    keepName(name);
    const password = this.#secret.hidden ? undefined : this.#field("password").value;
    return { name, room: roomNamed(this.#field("room").value), password };
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
    clearInterval(this.#ticking);
    this.#said.textContent = text;
    this.#said.classList.remove("wrong");
  }

  /** @param {import("./connection.js").State} state How far it is. */
  progress(state) {
    this.say("Connecting…");
    if (state.state !== "waiting") return;
    const why = localised(interruption(state) || "The server does not answer.");
    const remaining = countdown(state);
    const tick = () => (this.#said.textContent = `${why} ${remaining()}`);
    tick();
    this.#ticking = setInterval(tick, 1000);
  }

  /**
   * Tell what was refused, at the field that it is about.
   *
   * @param {{code: string, message: string}} error
   */
  refuse({ code, message }) {
    const asked = code === "bad-credentials" && this.#secret.hidden;
    if (asked) this.#secret.hidden = false;
    this.say(asked ? "A password is needed." : sentence(localised(message)));
    this.#said.classList.toggle("wrong", !asked);
    const about = FIELDS[code];
    if (about === undefined) return this.#form.querySelector("button")?.focus();
    const field = this.#field(about);
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
 * @param {string} text What somebody typed as the name of a room.
 * @returns {string} The same without the sign that stands before rooms in the tabs.
 */
export function roomNamed(text) {
  return text.trim().replace(/^[#\uff03]\s*/, "");
}

/**
 * @param {string} hash Of an address.
 * @returns {string} The room that it names, or nothing.
 */
export function roomOf(hash) {
  try {
    return roomNamed(decodeURIComponent(hash.slice(1)));
  } catch {
    return "";
  }
}
