// @ts-check
/**
 * A connection that comes back: its states, when it tries again, and what makes it try sooner.
 *
 * @module
 */

import { Line } from "./line.js";

/**
 * @typedef {object} State
 * @property {"connecting" | "online" | "waiting" | "ended"} state
 * @property {number} [retryAt] While waiting: when it tries again, as of `Date.now()`.
 * @property {number} [code] Of the end: the WebSocket's close code, 1000 after `close()`.
 * @property {string} [reason] Of the end, one word.
 * @property {import("./membership.js").ChatError} [error] Why the hello was refused, if it was.
 *
 * @typedef {object} Owner
 * @property {() => Promise<object>} hello What to say first. If it throws, the attempt has failed.
 * @property {(event: any) => void} received Called with each object that the server sends.
 * @property {() => void} lost What was under way is lost.
 * @property {(state: State) => void} changed
 */

/** Milliseconds: the first wait before coming back, at most, and any; how long a connection has to
 * last to count as one; the least between two attempts; the most that a server can put one off. */
const SOON = 500;
const LATE = 30_000;
const STEADY = 5_000;
const APART = 1_000;
const RETRY = 60_000;

export class Connection {
  /** @type {State} */
  state = { state: "ended", code: 1000, reason: "not opened" };
  #url;
  #owner;
  /** @type {Line | null} */
  #line = null;
  #attempts = 0;
  #attempted = 0;
  #welcomed = 0;
  #notBefore = 0;
  #turn = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} url
   * @param {Owner} owner
   */
  constructor(url, owner) {
    this.#url = url;
    this.#owner = owner;
  }

  get online() {
    return this.state.state === "online";
  }

  /** Connect, and come back whenever the connection is lost. */
  open() {
    if (this.state.state !== "ended") return;
    this.#attempts = this.#attempted = this.#notBefore = 0;
    this.#listen("addEventListener");
    this.#connect();
  }

  /**
   * Disconnect for good. No timer is left.
   *
   * @param {number} code
   * @param {string} reason
   */
  end(code, reason) {
    if (this.state.state === "ended") return;
    this.#listen("removeEventListener");
    this.#drop();
    this.#enter({ state: "ended", code, reason });
  }

  /** Try again now, if it waits to; else find out whether the server is there. */
  retry() {
    if (this.online) this.#line?.probe();
    if (this.state.state === "waiting") {
      this.#wait(Math.max(this.#notBefore, this.#attempted + APART));
    }
  }

  /** The server has said welcome. */
  welcomed() {
    this.#welcomed = Date.now();
    this.#notBefore = 0;
    this.#line?.welcomed();
    this.#enter({ state: "online" });
  }

  /**
   * @param {number} seconds For which the server asks not to come back, once it has closed.
   */
  putOff(seconds) {
    this.#notBefore = Date.now() + Math.min(Math.max(seconds * 1000, 0), RETRY);
  }

  /** @param {string} command JSON. It is lost if the connection is. */
  send(command) {
    this.#line?.send(command);
  }

  async #connect() {
    const turn = ++this.#turn;
    this.#attempted = Date.now();
    this.#enter({ state: "connecting" });
    try {
      const hello = JSON.stringify(await this.#owner.hello());
      if (turn !== this.#turn) return;
      this.#line = new Line(this.#url, {
        opened: () => this.send(hello),
        received: (event) => this.#owner.received(event),
        closed: (code, reason) => this.#closed(code, reason),
      });
    } catch (error) {
      if (turn === this.#turn) this.#closed(1006, String(error));
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    if (code >= 3500 && code < 4000) {
      this.end(code, reason);
      return;
    }
    const now = Date.now();
    if (this.online && now - this.#welcomed > STEADY) this.#attempts = 0;
    const longest = Math.min(LATE, SOON * 2 ** Math.min(this.#attempts++, 10));
    this.#drop();
    this.#wait(Math.max(now, this.#notBefore) + Math.random() * longest);
  }

  #drop() {
    this.#turn++;
    this.#line?.close();
    this.#line = null;
    clearTimeout(this.#timer);
    this.#owner.lost();
  }

  /** @param {number} retryAt */
  #wait(retryAt) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), Math.max(0, retryAt - Date.now()));
    this.#enter({ state: "waiting", retryAt });
  }

  /** @param {State} state */
  #enter(state) {
    this.state = state;
    this.#owner.changed(state);
  }

  /** @param {"addEventListener" | "removeEventListener"} change */
  #listen(change) {
    for (const type of ["online", "offline"]) globalThis[change]?.(type, this.#hint);
    globalThis.document?.[change]("visibilitychange", this.#hint);
  }

  /** The network came or went, or somebody looks again: what was true may not be any more. */
  #hint = () => {
    if (globalThis.document?.visibilityState !== "hidden") this.retry();
  };
}
