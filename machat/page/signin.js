// @ts-check
/**
 * The sign-in form: it asks for a name, a room and, if required, a password.
 *
 * @module
 */

import { roomNamed, roomOf } from "./address.js";
import { countdown, interruption } from "./connectionview.js";
import { byId } from "./dom.js";
import { storeName, lastName } from "./storage.js";
import { phrase } from "./texts.js";
import { explained, localised } from "./times.js";
import { showLogin } from "./tokens.js";

/** The field to which an error code refers. @type {Record<string, string>} */
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
    // the user may have typed before this code ran
    const name = this.#field("name");
    if (!name.value) name.value = lastName();
    const room = this.#field("room");
    if (room.value === room.defaultValue) this.room = roomOf(location.hash);
    this.#takeOver();
  }

  /** Submit the form if the user has done so before this code ran: see `early.js`. */
  #takeOver() {
    const { early } =
      /** @type {{early?: {submitted: boolean, submit: (event: SubmitEvent) => void}}} */ (
        globalThis
      );
    if (early === undefined) return;
    removeEventListener("submit", early.submit);
    this.#form.querySelector("button")?.removeAttribute("disabled");
    if (early.submitted) queueMicrotask(() => this.element.hidden || this.#form.requestSubmit());
  }

  /** @param {string} name */
  set name(name) {
    const field = this.#field("name");
    field.value = name;
    field.labels?.forEach((label) => (label.hidden = field.readOnly && !name));
  }

  /** Let the user choose only the room, because a token states the name. */
  fixName() {
    this.#field("name").readOnly = true;
    this.name = "";
  }

  /** @param {string} room An empty name does not change the field. */
  set room(room) {
    if (room) this.#field("room").value = room;
  }

  /** Do not offer a direct conversation, because the user has signed out. */
  forgetConversation() {
    const room = this.#field("room");
    if (room.value.startsWith("@")) room.value = room.defaultValue;
  }

  /** @returns {Wish} */
  #wish() {
    const name = this.#field("name").value.trim();
    if (!this.#field("name").readOnly) storeName(name);
    const password = this.#secret.hidden ? undefined : this.#field("password").value;
    return { name, room: roomNamed(this.#field("room").value), password };
  }

  /** Show and focus the form. */
  show() {
    this.element.hidden = false;
    this.#field(this.#field("name").value ? "room" : "name").focus();
  }

  /** Hide the form, and forget the password. */
  hide() {
    this.element.hidden = true;
    this.#field("password").value = "";
    this.say("");
  }

  /** @param {string} text The progress. */
  say(text) {
    clearInterval(this.#ticking);
    this.#said.textContent = text;
    this.#said.classList.remove("wrong");
  }

  /** @param {import("./connection.js").State} state The progress. */
  progress(state) {
    this.say(phrase("connection.progress"));
    if (state.state !== "waiting") return;
    const why = localised(interruption(state) || phrase("signin.noAnswer"));
    const remaining = countdown(state);
    const tick = () => (this.#said.textContent = `${why} ${remaining()}`);
    tick();
    this.#ticking = setInterval(tick, 1000);
  }

  /**
   * Show a refusal at the field to which it refers.
   *
   * @param {{code: string, message: string, login?: string}} error
   */
  refuse({ code, message, login }) {
    if (this.#field("name").readOnly) return this.#refuseToken({ message, login });
    const asked = code === "bad-credentials" && this.#secret.hidden;
    if (asked) this.#secret.hidden = false;
    this.say(asked ? phrase("signin.needsPassword") : explained({ message, code }));
    this.#said.classList.toggle("wrong", !asked);
    const about = FIELDS[code];
    if (about === undefined) return this.#form.querySelector("button")?.focus();
    const field = this.#field(about);
    if (!asked) field.setAttribute("aria-invalid", "true");
    field.focus();
    field.select();
  }

  /**
   * Show why the user of a token cannot join.
   *
   * @param {{message: string, login?: string}} error
   */
  #refuseToken(error) {
    this.say(explained(error));
    this.#said.classList.add("wrong");
    showLogin(byId("signin-login"), error);
    this.#form.querySelector("button")?.focus();
  }

  #forget() {
    this.say("");
    showLogin(byId("signin-login"));
    for (const name of ["name", "room", "password"]) {
      this.#field(name).removeAttribute("aria-invalid");
    }
  }

  /** @param {string} name */
  #field(name) {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem(name));
  }
}
