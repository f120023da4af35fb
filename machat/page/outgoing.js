// @ts-check
/**
 * Messages that the server has not acknowledged: bounded, and sent again on the next connection.
 *
 * @module
 */

import { now } from "./clock.js";
import { ChatError, Outgoing } from "./membership.js";

/** @typedef {import("./membership.js").Membership} Membership */
/** @typedef {import("./membership.js").Receipt} Receipt */

/** The most messages that may wait, and the most characters in them. */
const MOST = 1_000;
const MOST_SIZE = 1_048_576;

/** By default, no server takes a longer line than this: bytes. */
export const LINE = 65_536;

const ENCODER = new TextEncoder();

export class OutgoingMessages {
  /** The longest line that the server takes, bytes. */
  limit = LINE;
  /** @type {Map<string, Outgoing>} */
  #messages = new Map();
  #size = 0;
  #send;

  /** @param {(line: string) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /** How many messages are not acknowledged. */
  get count() {
    return this.#messages.size;
  }

  /**
   * @param {string} id
   * @param {Membership} room
   * @param {string} text
   * @returns {Promise<Receipt>}
   */
  add(id, room, text) {
    return new Promise((resolve, reject) => {
      if (this.count >= MOST || this.#size + text.length > MOST_SIZE) {
        throw new ChatError("too-much", "too many messages wait to be sent");
      }
      const outgoing = new Outgoing(id, room, text, { resolve, reject });
      this.#messages.set(id, outgoing);
      this.#size += text.length;
      room.add(outgoing);
      this.sendMore(room);
    });
  }

  /**
   * Send as much as may be under way.
   *
   * @param {Membership} room
   */
  sendMore(room) {
    for (const outgoing of room.due(now(), (...late) => this.refuse(...late))) {
      const { id, text } = outgoing;
      const line = JSON.stringify({ type: "say", room: room.name, text: wellFormed(text), id });
      if (ENCODER.encode(line).length <= this.limit) this.#send(line);
      else this.refuse(outgoing, new ChatError("too-long", "the message is too long"));
    }
  }

  /** @param {any} event */
  acknowledged(event) {
    const outgoing = this.#messages.get(event.id);
    if (outgoing === undefined) return;
    this.#settle(outgoing);
    outgoing.waiting.resolve(event);
    this.sendMore(outgoing.room);
  }

  /**
   * @param {string} id
   * @param {ChatError} error
   * @returns {boolean} Whether it was the id of a message.
   */
  refused(id, error) {
    const outgoing = this.#messages.get(id);
    if (outgoing === undefined) return false;
    this.refuse(outgoing, error);
    this.sendMore(outgoing.room);
    return true;
  }

  /**
   * @param {Outgoing} outgoing
   * @param {ChatError} error
   */
  refuse(outgoing, error) {
    this.#settle(outgoing);
    outgoing.waiting.reject(error);
  }

  /** @param {Outgoing} outgoing */
  #settle(outgoing) {
    outgoing.settled = true;
    this.#messages.delete(outgoing.id);
    this.#size -= outgoing.text.length;
  }
}

/**
 * @param {string} text
 * @returns {string} The text with U+FFFD for half characters, which UTF-8 cannot say.
 */
function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
