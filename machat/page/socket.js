// @ts-check
/**
 * One connection: opened once, closed once, and known to be dead when nothing comes from it.
 *
 * @module
 */

import { now } from "./clock.js";

/** Limits in milliseconds: until the WebSocket is open; from there until the welcome, which is longer
 * than a server lets a login wait; between two questions whether the server is there; for its answer;
 * and for its answer when somebody is looking at the page. */
export const OPEN = 15_000;
export const WELCOME = 30_000;
const PING = 25_000;
const PONG = 10_000;
const SOON = 3_000;

/** Whoever was heard less long ago than this is there, milliseconds. */
const FRESH = 2_000;

/**
 * @typedef {object} Ends
 * @property {() => void} opened The hello can be sent.
 * @property {(event: any) => void} received Called with each object that the server sends.
 * @property {(code: number, reason: string, opened: boolean) => void} closed Called once, when it is
 *     over, unless it was this end that closed it. `opened`: whether `opened` was called.
 */

export class ChatSocket {
  /** @type {WebSocket | null} */
  #socket;
  #ends;
  #opened = false;
  /** The time of the last data. */
  #received = now();
  /** When the server has to have answered, or `null` if it was not asked. @type {number | null} */
  #due = null;
  #asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} url
   * @param {Ends} ends
   */
  constructor(url, ends) {
    this.#ends = ends;
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => this.#open();
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = (close) => this.#over(close.code, close.reason);
    this.#timer = setTimeout(() => this.#over(1006, "no answer"), OPEN);
  }

  /** The server has said welcome: from now on it is asked now and then whether it is there. */
  welcomed() {
    this.#later(PING);
  }

  /**
   * @param {string} command JSON. It is lost if the connection is.
   */
  send(command) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(command);
  }

  /**
   * Find out soon whether the server is there, unless it was heard just now: somebody looks, and the
   * machine may have slept.
   */
  probe() {
    const time = now();
    if (time - this.#received < FRESH) return;
    if (this.#due === null || this.#due - time > SOON || this.#due < time) this.#ping(SOON);
  }

  /** Close it, and say no more. */
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
    this.#timer = setTimeout(() => this.#over(1006, "no welcome"), WELCOME);
    this.#ends.opened();
  }

  /** @param {number} limit For the answer, milliseconds. */
  #ping(limit) {
    clearTimeout(this.#timer);
    this.#asked = now();
    this.#due = this.#asked + limit;
    this.send('{"type":"ping"}');
    this.#timer = setTimeout(() => this.#judge(), limit);
  }

  #judge() {
    const late = now() - (this.#due ?? 0);
    this.#due = null;
    if (this.#received >= this.#asked) this.#later(PING - PONG);
    else if (late > SOON)
      this.#ping(SOON); // we slept: the answer may not be read yet
    else this.#over(1006, "no pong");
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
      // not the chat's: as unknown as an event that a later server may have
    }
    if (event !== null && typeof event === "object") this.#ends.received(event);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #over(code, reason) {
    if (this.#socket !== null) {
      this.close();
      this.#ends.closed(code, reason, this.#opened);
    }
  }
}
