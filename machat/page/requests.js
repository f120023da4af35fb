// @ts-check
/**
 * Commands that the server answers, by their ids.
 *
 * @module
 */

import { ChatError } from "./membership.js";

/** @typedef {import("./membership.js").Waiting<any>} Waiting */

/** The most commands that may wait for an answer. */
const MOST = 100;

export class Requests {
  /** @type {Map<string, Waiting>} */
  #waiting = new Map();
  #prefix = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
  #count = 0;
  #send;
  #online;

  /**
   * @param {(command: object) => void} send
   * @param {() => boolean} online Whether there is a connection that has been welcomed.
   */
  constructor(send, online) {
    this.#send = send;
    this.#online = online;
  }

  /** @returns {string} An id that no other client uses. */
  nextId() {
    return `${this.#prefix}-${++this.#count}`;
  }

  /**
   * Send a command.
   *
   * @param {object} command
   * @returns {Promise<any>} The answer. Rejects with `lost`, `too-much`, or the server's refusal.
   */
  ask(command) {
    return new Promise((resolve, reject) => {
      if (!this.#online()) throw new ChatError("lost", "not connected");
      if (this.#waiting.size >= MOST) throw new ChatError("too-much", "too many questions");
      this.put(command, { resolve, reject });
    });
  }

  /**
   * Send a command whose answer is needed at once, not in a later microtask.
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
   * @returns {boolean} Whether it was the answer to a command.
   */
  answered(event) {
    const question = this.#take(event.id);
    question?.resolve(event);
    return question !== undefined;
  }

  /**
   * @param {string} id
   * @param {ChatError} error
   * @returns {boolean} Whether a command with this id was waiting.
   */
  refused(id, error) {
    const question = this.#take(id);
    question?.reject(error);
    return question !== undefined;
  }

  /** The connection is lost: no answer will come. */
  lost() {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of all) reject(new ChatError("lost", "the connection was lost"));
  }

  /** @param {string} id */
  #take(id) {
    const question = this.#waiting.get(id);
    this.#waiting.delete(id);
    return question;
  }
}
