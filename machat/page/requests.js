// @ts-check
/**
 * Pending requests: commands that wait for the server's answer, by id.
 *
 * @module
 */

import { ChatError } from "./membership.js";

/** @typedef {import("./membership.js").Waiting<any>} Waiting */

/** The maximum number of pending requests. */
const MAX_PENDING = 100;

export class Requests {
  /** @type {Map<string, Waiting>} */
  #waiting = new Map();
  #prefix = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
  #count = 0;
  #send;
  #online;

  /**
   * @param {(command: object) => void} send
   * @param {() => boolean} online Returns whether the server has sent its welcome.
   */
  constructor(send, online) {
    this.#send = send;
    this.#online = online;
  }

  /** @returns {string} A unique id. */
  nextId() {
    return `${this.#prefix}-${++this.#count}`;
  }

  /**
   * Send a request.
   *
   * @param {object} command
   * @returns {Promise<any>} The answer. Rejected with `lost`, `too-much`, or the server's refusal.
   */
  ask(command) {
    return new Promise((resolve, reject) => {
      if (!this.#online()) throw new ChatError("lost", "not connected");
      if (this.#waiting.size >= MAX_PENDING)
        throw new ChatError("too-much", "too many requests are waiting");
      this.put(command, { resolve, reject });
    });
  }

  /**
   * Send a request whose answer is processed synchronously, not in a later microtask.
   *
   * @param {object} command
   * @param {Waiting} waiting
   */
  put(command, waiting) {
    const id = this.nextId();
    this.#waiting.set(id, waiting);
    this.#send({ ...command, id });
  }

  /**
   * @param {any} event
   * @returns {boolean} Whether the event answers a request.
   */
  answered(event) {
    const request = this.#take(event.id);
    request?.resolve(event);
    return request !== undefined;
  }

  /**
   * @param {string} id
   * @param {ChatError} error
   * @returns {boolean} Whether there was a request with this id.
   */
  refused(id, error) {
    const request = this.#take(id);
    request?.reject(error);
    return request !== undefined;
  }

  /** Reject all requests, because the connection is lost. */
  lost() {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of all) reject(new ChatError("lost", "the connection was lost"));
  }

  /** @param {string} id */
  #take(id) {
    const request = this.#waiting.get(id);
    this.#waiting.delete(id);
    return request;
  }
}
