// @ts-check
/**
 * How the connection is: a word that is always there, and a bar while it is not well.
 *
 * @module
 */

import { byId } from "./dom.js";

/** @typedef {import("./connection.js").State} State */

/** Why it is over, for a person: by close code. @type {Record<number, string>} */
const ENDS = {
  1000: "You have left.",
  3002: "The server did not wait any longer.",
  3003: "Too many connections come from your network.",
  3004: "Too many logins are waiting.",
  3006: "Something went wrong at the server.",
  3011: "Another connection that does not answer still has this name.",
  3500: "The name and the password do not fit.",
  3501: "The server did not understand.",
  3503: "You were removed by a moderator.",
  3520: "The name is taken.",
  3521: "You are connected from elsewhere now.",
};

/**
 * @param {State} state
 * @returns {string} Why it is over.
 */
export function ending({ code = 0, reason, error }) {
  return error?.message ?? ENDS[code] ?? `The server has ended the connection: ${reason || code}.`;
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
      state.state === "ended" ? ending(state) : "The connection is lost. What you write is kept.";
    this.#button.textContent = state.state === "ended" ? "Connect again" : "Try now";
    this.#when.textContent = state.state === "connecting" ? "Connecting…" : "";
    if (state.state === "waiting") {
      this.#tick(state.retryAt ?? 0);
      this.#ticking = setInterval(() => this.#tick(state.retryAt ?? 0), 1000);
    }
  }

  /** @param {number} at */
  #tick(at) {
    const seconds = Math.max(1, Math.ceil((at - Date.now()) / 1000));
    this.#when.textContent = `Trying again in ${seconds} s.`;
  }
}
