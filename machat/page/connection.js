// @ts-check
/**
 * A connection that reconnects: its states, the delays between attempts, and the events that shorten
 * them.
 *
 * @module
 */

import { ChatSocket, OPEN, WELCOME } from "./socket.js";

/**
 * @typedef {import("./platform.js").Platform} Platform
 *
 * @typedef {object} State
 * @property {"connecting" | "online" | "waiting" | "ended"} state
 * @property {number} [retryAt] While waiting: the time of the next attempt, as of `Date.now()`.
 * @property {number} [code] While waiting and after the end: the close code of the last connection, 1000
 *     after `close()`.
 * @property {string} [reason] The close reason, one word.
 * @property {import("./membership.js").ChatError} [error] The reason why the hello was refused,
 *     or why no WebSocket could be opened, if known.
 *
 * @typedef {object} Owner
 * @property {(failures: number) => Promise<import("./membership.js").ChatError | undefined>} check
 *     Diagnoses why WebSockets could not be opened. It is called with the number of failures in a
 *     row. If the next attempt may succeed, it returns the reason, if known. Otherwise it throws the
 *     reason. It is then called again before the next attempt, which is made only if it does not throw.
 * @property {() => Promise<object>} hello Returns the hello. If it throws, the attempt has failed.
 * @property {(event: any) => void} received Called with each object that the server sends.
 * @property {() => void} lost Called when the connection is lost.
 * @property {(state: State) => void} changed
 */

/** Times in milliseconds. RECONNECT, MAX_RECONNECT: the first and the longest delay before a reconnect.
 * STEADY: the duration after which a connection resets the delay. APART: the shortest time between two
 * attempts. RETRY: the longest delay that the server can ask for. */
const RECONNECT = 500;
const MAX_RECONNECT = 30_000;
const STEADY = 5_000;
const APART = 1_000;
const RETRY = 60_000;

export class Connection {
  /** @type {State} */
  state = { state: "ended", code: 1000, reason: "not opened" };
  #platform;
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
  /** The number of attempts in a row that did not open a WebSocket. */
  #unopened = 0;
  /** Whether the check must succeed before the next attempt. */
  #blocked = false;
  /** @type {any} */
  #timer;

  /**
   * @param {Platform} platform
   * @param {string} url
   * @param {Owner} owner
   */
  constructor(platform, url, owner) {
    this.#platform = platform;
    this.#url = url;
    this.#owner = owner;
  }

  get online() {
    return this.state.state === "online";
  }

  /** Connect, and reconnect whenever the connection is lost. */
  open() {
    if (this.state.state !== "ended") return;
    this.#attempts = this.#unopened = 0;
    this.#attempted = this.#notBefore = -Infinity;
    this.#blocked = false;
    this.#listen("addEventListener");
    this.#connect();
  }

  /**
   * Disconnect, and do not reconnect. No timer is left.
   *
   * @param {number} code
   * @param {string} reason
   * @param {import("./membership.js").ChatError} [error]
   */
  end(code, reason, error) {
    if (this.state.state === "ended") return;
    this.#listen("removeEventListener");
    this.#drop();
    this.#setState({ state: "ended", code, reason, error });
  }

  /** Reconnect now if it is waiting to; otherwise check whether the server is alive. */
  retry() {
    const { state } = this.state;
    if (state === "online") this.#socket?.probe();
    else if (state === "waiting") this.#wait(this.#earliest(), this.state);
    else if (state === "connecting" && this.#platform.now() - this.#attempted > OPEN + WELCOME) {
      this.#closed(1006, "no answer", true); // the computer has slept
    }
  }

  /** Record the server's welcome. */
  welcomed() {
    this.#welcomed = this.#platform.now();
    this.#notBefore = -Infinity;
    this.#socket?.welcomed();
    this.#setState({ state: "online" });
  }

  /** @param {number} seconds The shortest delay that the server asks for. */
  postpone(seconds) {
    this.#notBefore = this.#platform.now() + Math.min(Math.max(seconds * 1000, 0), RETRY);
  }

  /** @param {string} command JSON. It is lost if the connection is lost. */
  send(command) {
    this.#socket?.send(command);
  }

  async #connect() {
    const turn = ++this.#turn;
    this.#attempted = this.#platform.now();
    this.#setState({ state: "connecting" });
    try {
      if (this.#blocked) await this.#owner.check(this.#unopened);
      this.#blocked = false;
      const hello = JSON.stringify(await this.#owner.hello());
      if (turn !== this.#turn) return;
      this.#socket = new ChatSocket(this.#platform, this.#url, {
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
    if (this.online && this.#welcomed !== null && this.#platform.now() - this.#welcomed > STEADY)
      this.#attempts = 0;
    const longest = Math.min(MAX_RECONNECT, RECONNECT * 2 ** Math.min(this.#attempts++, 10));
    this.#drop();
    this.#wait(this.#earliest() + this.#platform.random() * longest, { code, reason });
    if (!opened) this.#diagnose(++this.#unopened);
  }

  /**
   * Diagnose why no WebSocket could be opened, while waiting for the next attempt.
   *
   * @param {number} failures
   */
  async #diagnose(failures) {
    const turn = this.#turn;
    const waits = () => turn === this.#turn && this.state.state === "waiting";
    try {
      const error = await this.#owner.check(failures);
      if (error !== undefined && waits()) this.#setState({ ...this.state, error });
    } catch (error) {
      if (!waits()) return;
      this.#blocked = true;
      if (!this.#givesUp(error))
        this.#setState({ ...this.state, error: /** @type {any} */ (error) });
    }
  }

  /**
   * Record that the server is unreachable, or that there are no credentials.
   *
   * @param {any} error
   */
  #failed(error) {
    if (this.#givesUp(error)) return;
    this.#closed(1006, String(error?.message ?? error), true);
    this.#setState({ ...this.state, error });
  }

  /**
   * End after a refusal that a person has to resolve, unless there was a connection before; and if the
   * user is logged out.
   *
   * @param {any} error
   */
  #givesUp(error) {
    const { code } = error ?? {};
    const final = code === "logged-out" || (code === "refused" && this.#welcomed === null);
    if (final) this.end(1006, code, error);
    return final;
  }

  #drop() {
    this.#turn++;
    this.#socket?.close();
    this.#socket = null;
    this.#platform.clearTimeout(this.#timer);
    this.#owner.lost();
  }

  /** @returns {number} The shortest delay before the next attempt, milliseconds. */
  #earliest() {
    return Math.max(0, Math.max(this.#notBefore, this.#attempted + APART) - this.#platform.now());
  }

  /**
   * @param {number} delay Milliseconds.
   * @param {{code?: number, reason?: string, error?: any}} cause
   */
  #wait(delay, { code, reason, error }) {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = this.#platform.setTimeout(() => this.#connect(), delay);
    this.#setState({
      state: "waiting",
      retryAt: this.#platform.time() + delay,
      code,
      reason,
      error,
    });
  }

  /** @param {State} state */
  #setState(state) {
    this.state = state;
    this.#owner.changed(state);
  }

  /** @param {"addEventListener" | "removeEventListener"} change */
  #listen(change) {
    for (const type of ["online", "offline", "pageshow"]) globalThis[change]?.(type, this.#hint);
    globalThis.document?.[change]("visibilitychange", this.#hint);
  }

  /**
   * Check the connection after an event that can change it: the network or the visibility of the page
   * has changed.
   */
  #hint = () => {
    if (globalThis.document?.visibilityState !== "hidden") this.retry();
  };
}
