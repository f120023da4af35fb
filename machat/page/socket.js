// @ts-check
/**
 * One WebSocket connection with keepalive. It is opened once and closed once.
 *
 * @module
 */

/** Timeouts in milliseconds. OPEN: until the WebSocket is open. WELCOME: from there until the welcome,
 * longer than a login can take. PING: between two pings. PONG: for the reply to a ping. SOON: for the
 * reply to a ping while the user looks at the page. */
export const OPEN = 15_000;
export const WELCOME = 30_000;
const PING = 25_000;
const PONG = 10_000;
const SOON = 3_000;

/** The time in which a close follows an error, milliseconds. The WebSocket of Node 20 and 22 reports a
 * refused connection as an error without a close. */
const CLOSE = 100;

/** The age up to which the last data proves that the server is alive, milliseconds. */
const FRESH = 2_000;

/** The `readyState` of an open WebSocket. */
const IS_OPEN = 1;

/**
 * @typedef {import("./platform.js").Platform} Platform
 *
 * @typedef {object} Owner
 * @property {() => void} opened Called when the hello can be sent.
 * @property {(event: any) => void} received Called with each object that the server sends.
 * @property {(code: number, reason: string, opened: boolean) => void} closed Called once, when
 *     the server or the network has closed the connection. `opened`: whether `opened` was called.
 */

export class ChatSocket {
  /** @type {import("./platform.js").Socket | null} */
  #socket;
  #platform;
  #owner;
  #opened = false;
  /** The time of the last data. */
  #received;
  /** The time limit for the reply to a ping, or `null` without a ping. @type {number | null} */
  #due = null;
  #pinged = 0;
  /** @type {any} */
  #timer;

  /**
   * @param {Platform} platform
   * @param {string} url
   * @param {Owner} owner
   */
  constructor(platform, url, owner) {
    this.#platform = platform;
    this.#owner = owner;
    this.#received = platform.now();
    const socket = (this.#socket = new platform.WebSocket(url));
    socket.onerror = () => this.#failed();
    socket.onopen = () => this.#open();
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = (close) => this.#closed(close.code, close.reason);
    this.#after(OPEN, () => this.#closed(1006, "no answer"));
  }

  /** Start the keepalive, after the server's welcome. */
  welcomed() {
    this.#later(PING);
  }

  /**
   * @param {string} command JSON. It is lost if the connection is lost.
   */
  send(command) {
    if (this.#socket?.readyState === IS_OPEN) this.#socket.send(command);
  }

  /**
   * Check soon whether the server is alive, unless it has just sent data. Called when the user looks
   * at the page, because the computer may have slept.
   */
  probe() {
    const time = this.#platform.now();
    if (time - this.#received < FRESH) return;
    if (this.#due === null || this.#due - time > SOON || this.#due < time) this.#ping(SOON);
  }

  /** Close the connection, without further calls to the owner. */
  close() {
    const socket = this.#socket;
    this.#socket = null;
    this.#platform.clearTimeout(this.#timer);
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #failed() {
    if (this.#socket !== null) this.#after(CLOSE, () => this.#closed(1006, ""));
  }

  #open() {
    this.#opened = true;
    this.#after(WELCOME, () => this.#closed(1006, "no welcome"));
    this.#owner.opened();
  }

  /** @param {number} limit The timeout for the reply, milliseconds. */
  #ping(limit) {
    this.#pinged = this.#platform.now();
    this.#due = this.#pinged + limit;
    this.send('{"type":"ping"}');
    this.#after(limit, () => this.#check());
  }

  #check() {
    const late = this.#platform.now() - (this.#due ?? 0);
    this.#due = null;
    if (this.#received >= this.#pinged) this.#later(PING - PONG);
    else if (late > SOON)
      this.#ping(SOON); // the computer slept: the reply may not be read yet
    else this.#closed(1006, "no pong");
  }

  /** @param {number} delay */
  #later(delay) {
    this.#after(delay, () => this.#ping(PONG));
  }

  /**
   * Replace the timer.
   *
   * @param {number} delay
   * @param {() => void} call
   */
  #after(delay, call) {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = this.#platform.setTimeout(call, delay);
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#received = this.#platform.now();
    let event = null;
    try {
      event = JSON.parse(String(data));
    } catch {
      // ignored, like an unknown event
    }
    if (event !== null && typeof event === "object") this.#owner.received(event);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    if (this.#socket !== null) {
      this.close();
      this.#owner.closed(code, reason, this.#opened);
    }
  }
}
