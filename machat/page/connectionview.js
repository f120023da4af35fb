// @ts-check
/**
 * The state of the connection: a word that is always visible, and a bar while there is no connection.
 *
 * @module
 */

import { now } from "./clock.js";
import { byId, sentence } from "./dom.js";
import { showLogin } from "./tokens.js";

/** @typedef {import("./connection.js").State} State */

/** Texts for close codes. @type {Record<number, string>} */
const REASONS = {
  1000: "You have left.",
  3001: "The server is restarting.",
  3002: "The server waited too long for this page.",
  3003: "Too many connections come from your network.",
  3004: "Too many failed logins come from your network.",
  3005: "Your login has expired.",
  3006: "Something went wrong at the server.",
  3008: "This connection was too slow.",
  3010: "The server lost track of your name.",
  3011: "An earlier connection still has your name.",
  3500: "Wrong name or password.",
  3501: "The server did not understand this page.",
  3503: "You were removed, by a moderator or because you have logged out.",
  3520: "The name is taken.",
  3521: "You are connected from elsewhere now.",
};

/**
 * @param {State} state
 * @returns {string} The reason why the client has ended.
 */
export function ending({ code = 0, reason, error }) {
  if (error) return sentence(error.message);
  return REASONS[code] ?? `The server has ended the connection: ${reason || code}.`;
}

/** The retry delay in the text of a refusal. The page shows a countdown instead. */
const LATER = /: try again in [\d.]+ s$/;

/**
 * @param {State} state
 * @returns {string} The reason why there is no connection; empty if unknown.
 */
export function interruption({ code = 0, error }) {
  return error ? sentence(error.message.replace(LATER, "")) : (REASONS[code] ?? "");
}

/**
 * @param {State} state
 * @returns {() => string} A function that returns the remaining time until the next attempt.
 */
export function countdown({ retryAt = 0 }) {
  const due = now() + retryAt - Date.now();
  return () => `Trying again in ${Math.max(1, Math.ceil((due - now()) / 1000))} s.`;
}

export class ConnectionView {
  #word = byId("connection");
  #bar = byId("bar");
  #why = byId("why");
  #when = byId("when");
  #button = byId("retry");
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {() => void} retry */
  constructor(retry) {
    this.#button.addEventListener("click", retry);
  }

  /** @param {State} state */
  show(state) {
    clearInterval(this.#ticking);
    const words = {
      connecting: "Connecting",
      online: "Online",
      waiting: "Offline",
      ended: "Ended",
    };
    this.#word.textContent = words[state.state];
    this.#word.className = `connection ${state.state}`;
    this.#bar.hidden = state.state === "online";
    this.#bar.classList.toggle("over", state.state === "ended");
    this.#why.textContent =
      state.state === "ended"
        ? ending(state)
        : `${interruption(state) || "The connection is lost."} Your messages are kept.`;
    showLogin(byId("login"), state.error);
    this.#button.textContent = state.state === "ended" ? "Connect again" : "Try now";
    this.#when.textContent = state.state === "connecting" ? "Connecting…" : "";
    if (state.state === "waiting") {
      const remaining = countdown(state);
      const tick = () => (this.#when.textContent = remaining());
      tick();
      this.#ticking = setInterval(tick, 1000);
    }
  }
}
