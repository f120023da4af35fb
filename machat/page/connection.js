// @ts-check
/**
 * A connection that comes back: its states, when it tries again, and what makes it try sooner.
 *
 * @module
 */

import { now } from "./clock.js";
import { ChatSocket, OPEN, WELCOME } from "./socket.js";

/**
 * @typedef {object} State
 * @property {"connecting" | "online" | "waiting" | "ended"} state
 * @property {number} [retryAt] While waiting: when it tries again, as of `Date.now()`.
 * @property {number} [code] While waiting and at the end: the last connection's close code, 1000 after
 *     `close()`.
 * @property {string} [reason] One word to go with it.
 * @property {import("./membership.js").ChatError} [error] Why the hello was refused, or why no
 *     WebSocket could be opened, if that is known.
 *
 * @typedef {object} Owner
 * @property {(failures: number) => Promise<import("./membership.js").ChatError | undefined>} check
 *     Called after so many WebSockets in a row that could not be opened. It finds out why: the
 *     reason, if there is one. It throws it if there is no use in another WebSocket before that has
 *     changed; then it is called again before the next attempt.
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
  /** @type {ChatSocket | null} */
  #socket = null;
  #attempts = 0;
  #attempted = -Infinity;
  /** The time of the last welcome. @type {number | null} */
  #welcomed = null;
  #notBefore = -Infinity;
  #turn = 0;
  /** How many attempts in a row have not opened a WebSocket. */
  #unopened = 0;
  /** Whether there is no use in a WebSocket until the check says otherwise. */
  #blocked = false;
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
    this.#attempts = this.#unopened = 0;
    this.#attempted = this.#notBefore = -Infinity;
    this.#blocked = false;
    this.#listen("addEventListener");
    this.#connect();
  }

  /**
   * Disconnect for good. No timer is left.
   *
   * @param {number} code
   * @param {string} reason
   * @param {import("./membership.js").ChatError} [error]
   */
  end(code, reason, error) {
    if (this.state.state === "ended") return;
    this.#listen("removeEventListener");
    this.#drop();
    this.#enter({ state: "ended", code, reason, error });
  }

  /** Try again now, if it waits to; else find out whether the server is there. */
  retry() {
    const { state } = this.state;
    if (state === "online") this.#socket?.probe();
    else if (state === "waiting") this.#wait(this.#earliest(), this.state);
    else if (state === "connecting" && now() - this.#attempted > OPEN + WELCOME) {
      this.#closed(1006, "no answer", true); // the machine slept meanwhile
    }
  }

  /** The server has said welcome. */
  welcomed() {
    this.#welcomed = now();
    this.#notBefore = -Infinity;
    this.#socket?.welcomed();
    this.#enter({ state: "online" });
  }

  /**
   * @param {number} seconds For which the server asks not to come back, once it has closed.
   */
  putOff(seconds) {
    this.#notBefore = now() + Math.min(Math.max(seconds * 1000, 0), RETRY);
  }

  /** @param {string} command JSON. It is lost if the connection is. */
  send(command) {
    this.#socket?.send(command);
  }

  async #connect() {
    const turn = ++this.#turn;
    this.#attempted = now();
    this.#enter({ state: "connecting" });
    try {
      if (this.#blocked) await this.#owner.check(this.#unopened);
      this.#blocked = false;
      const hello = JSON.stringify(await this.#owner.hello());
      if (turn !== this.#turn) return;
      this.#socket = new ChatSocket(this.#url, {
        opened: () => this.#opened(hello),
        received: (event) => this.#owner.received(event),
        closed: (code, reason, opened) => this.#closed(code, reason, opened),
      });
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
    }
  }

  /** @param {string} hello */
  #opened(hello) {
    this.#unopened = 0;
    this.send(hello);
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {boolean} opened
   */
  #closed(code, reason, opened) {
    if (code >= 3500 && code < 4000) {
      this.end(code, reason);
      return;
    }
    if (this.online && this.#welcomed !== null && now() - this.#welcomed > STEADY)
      this.#attempts = 0;
    const longest = Math.min(LATE, SOON * 2 ** Math.min(this.#attempts++, 10));
    this.#drop();
    this.#wait(this.#earliest() + Math.random() * longest, { code, reason });
    if (!opened) this.#explain(++this.#unopened);
  }

  /**
   * Find out why no WebSocket could be opened, while waiting for the next attempt.
   *
   * @param {number} failures
   */
  async #explain(failures) {
    const turn = this.#turn;
    const waits = () => turn === this.#turn && this.state.state === "waiting";
    try {
      const error = await this.#owner.check(failures);
      if (error !== undefined && waits()) this.#enter({ ...this.state, error });
    } catch (error) {
      if (!waits()) return;
      this.#blocked = true;
      if (!this.#gives(error)) this.#enter({ ...this.state, error: /** @type {any} */ (error) });
    }
  }

  /**
   * There is no way to the server, or there are no credentials for it.
   *
   * @param {any} error
   */
  #failed(error) {
    if (this.#gives(error)) return;
    this.#closed(1006, String(error?.message ?? error), true);
    this.#enter({ ...this.state, error });
  }

  /**
   * Give up after a refusal, unless there was a connection before: somebody has to change something
   * first.
   *
   * @param {any} error
   */
  #gives(error) {
    const gives = error?.code === "refused" && this.#welcomed === null;
    if (gives) this.end(1006, "refused", error);
    return gives;
  }

  #drop() {
    this.#turn++;
    this.#socket?.close();
    this.#socket = null;
    clearTimeout(this.#timer);
    this.#owner.lost();
  }

  /** @returns {number} The shortest delay before the next attempt, milliseconds. */
  #earliest() {
    return Math.max(0, Math.max(this.#notBefore, this.#attempted + APART) - now());
  }

  /**
   * @param {number} delay Milliseconds.
   * @param {{code?: number, reason?: string, error?: any}} why
   */
  #wait(delay, { code, reason, error }) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#enter({ state: "waiting", retryAt: Date.now() + delay, code, reason, error });
  }

  /** @param {State} state */
  #enter(state) {
    this.state = state;
    this.#owner.changed(state);
  }

  /** @param {"addEventListener" | "removeEventListener"} change */
  #listen(change) {
    for (const type of ["online", "offline", "pageshow"]) globalThis[change]?.(type, this.#hint);
    globalThis.document?.[change]("visibilitychange", this.#hint);
  }

  /**
   * The network came or went, the page is back, or somebody looks again: what was true may not be
   * any more.
   */
  #hint = () => {
    if (globalThis.document?.visibilityState !== "hidden") this.retry();
  };
}
