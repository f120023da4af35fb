// @ts-check
/**
 * The state of the connection: a word that is always visible, and a bar while there is no connection.
 *
 * @module
 */

import { now } from "./clock.js";
import { byId } from "./dom.js";
import { isKey, phrase } from "./texts.js";
import { explained } from "./times.js";
import { showLogin } from "./tokens.js";

/** @typedef {import("./connection.js").State} State */

/** @param {number} code A close code. @returns {string | undefined} Its text, if there is one. */
function closed(code) {
  const key = `close.${code}`;
  return isKey(key) ? phrase(key) : undefined;
}

/**
 * @param {State} state
 * @returns {string} The reason why the client has ended.
 */
export function ending({ code = 0, reason, error }) {
  if (error) return explained(error);
  return closed(code) ?? phrase("connection.over", { reason: reason || String(code) });
}

/** The retry delay in the text of a refusal. The page shows a countdown instead. */
const LATER = /: try again in [\d.]+ s$/;

/**
 * @param {State} state
 * @returns {string} The reason why there is no connection; empty if unknown.
 */
export function interruption({ code = 0, error }) {
  return error
    ? explained({ code: error.code, message: error.message.replace(LATER, "") })
    : (closed(code) ?? "");
}

/**
 * @param {State} state
 * @returns {() => string} A function that returns the remaining time until the next attempt.
 */
export function countdown({ retryAt = 0 }) {
  const due = now() + retryAt - Date.now();
  return () =>
    phrase("connection.countdown", { seconds: Math.max(1, Math.ceil((due - now()) / 1000)) });
}

export class ConnectionView {
  #word = byId("connection");
  #bar = byId("bar");
  #why = byId("why");
  #when = byId("when");
  #button = byId("retry");
  /** Whether there has been a connection since the page was loaded. */
  #connected = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {() => void} retry */
  constructor(retry) {
    this.#button.addEventListener("click", retry);
  }

  /** @param {State} state */
  show(state) {
    clearInterval(this.#ticking);
    this.#word.textContent = phrase(`connection.${state.state}`);
    this.#word.className = `connection ${state.state}`;
    this.#connected ||= state.state === "online";
    const first = state.state === "connecting" && !this.#connected;
    this.#bar.hidden = state.state === "online" || first;
    this.#bar.classList.toggle("over", state.state === "ended");
    this.#why.textContent =
      state.state === "ended"
        ? ending(state)
        : phrase("connection.kept", { reason: interruption(state) || this.#unknown });
    showLogin(byId("login"), state.error);
    const ended = state.state === "ended";
    this.#button.textContent = phrase(ended ? "connection.again" : "connection.now");
    const connecting = state.state === "connecting";
    this.#when.textContent = connecting ? phrase("connection.progress") : "";
    if (state.state === "waiting") {
      const remaining = countdown(state);
      const tick = () => (this.#when.textContent = remaining());
      tick();
      this.#ticking = setInterval(tick, 1000);
    }
  }

  /** The text for an unknown reason. */
  get #unknown() {
    return phrase(this.#connected ? "connection.lost" : "signin.noAnswer");
  }
}
