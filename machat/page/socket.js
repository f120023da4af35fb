// @ts-check
/**
 * One WebSocket connection with keepalive. It is opened once and closed once.
 *
 * @module
 */

import { now } from "./clock.js";

/** Timeouts in milliseconds. OPEN: until the WebSocket is open. WELCOME: from there until the welcome,
 * longer than a login can take. PING: between two pings. PONG: for the reply to a ping. SOON: for the
 * reply to a ping while the user looks at the page. */
export const OPEN = 15_000;
export const WELCOME = 30_000;
const PING = 25_000;
const PONG = 10_000;
const SOON = 3_000;

/** The age up to which the last data proves that the server is alive, milliseconds. */
const FRESH = 2_000;

/**
 * @typedef {object} Owner
 * @property {() => void} opened Called when the hello can be sent.
 * @property {(event: any) => void} received Called with each object that the server sends.
 * @property {(code: number, reason: string, opened: boolean) => void} closed Called once, when
 *     the server or the network has closed the connection. `opened`: whether `opened` was called.
 */

export class ChatSocket {
  /** @type {WebSocket | null} */
  #socket;
  #owner;
  #opened = false;
  /** The time of the last data. */
  #received = now();
  /** The time limit for the reply to a ping, or `null` without a ping. @type {number | null} */
  #due = null;
  #pinged = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} url
   * @param {Owner} owner
   */
  constructor(url, owner) {
    this.#owner = owner;
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => this.#open();
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = (close) => this.#closed(close.code, close.reason);
    this.#timer = setTimeout(() => this.#closed(1006, "no answer"), OPEN);
  }

  /** Start the keepalive, after the server's welcome. */
  welcomed() {
    this.#later(PING);
  }

  /**
   * @param {string} command JSON. It is lost if the connection is lost.
   */
  send(command) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(command);
  }

  /**
   * Check soon whether the server is alive, unless it has just sent data. Called when the user looks
   * at the page, because the computer may have slept.
   */
  probe() {
    const time = now();
    if (time - this.#received < FRESH) return;
    if (this.#due === null || this.#due - time > SOON || this.#due < time) this.#ping(SOON);
  }

  /** Close the connection, without further calls to the owner. */
  close() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #open() {
    this.#opened = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#closed(1006, "no welcome"), WELCOME);
    this.#owner.opened();
  }

  /** @param {number} limit The timeout for the reply, milliseconds. */
  #ping(limit) {
    clearTimeout(this.#timer);
    this.#pinged = now();
    this.#due = this.#pinged + limit;
    this.send('{"type":"ping"}');
    this.#timer = setTimeout(() => this.#check(), limit);
  }

  #check() {
    const late = now() - (this.#due ?? 0);
    this.#due = null;
    if (this.#received >= this.#pinged) this.#later(PING - PONG);
    else if (late > SOON)
      this.#ping(SOON); // the computer slept: the reply may not be read yet
    else this.#closed(1006, "no pong");
  }

  /** @param {number} delay */
  #later(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ping(PONG), delay);
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#received = now();
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
