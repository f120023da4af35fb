// @ts-check
/**
 * The messages that the server has not acknowledged. They are bounded, and resent on the next
 * connection.
 *
 * @module
 */

import { now } from "./clock.js";
import { ChatError, Outgoing } from "./membership.js";

/** @typedef {import("./membership.js").Membership} Membership */
/** @typedef {import("./membership.js").Receipt} Receipt */

/** The maximum number of unacknowledged messages, and of their characters. */
const MAX_MESSAGES = 1_000;
const MAX_SIZE = 1_048_576;

/** The default of the server's line limit, bytes. */
export const LINE = 65_536;

const ENCODER = new TextEncoder();

export class OutgoingMessages {
  /** The server's line limit, bytes. */
  limit = LINE;
  /** @type {Map<string, Outgoing>} */
  #messages = new Map();
  #size = 0;
  #send;

  /** @param {(line: string) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /** The number of unacknowledged messages. */
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
      if (this.count >= MAX_MESSAGES || this.#size + text.length > MAX_SIZE) {
        throw new ChatError("too-much", "too many messages are waiting to be sent");
      }
      const outgoing = new Outgoing(id, room, text, { resolve, reject });
      this.#messages.set(id, outgoing);
      this.#size += text.length;
      room.add(outgoing);
      this.sendMore(room);
    });
  }

  /**
   * Send as many messages as may be in flight.
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
   * @returns {boolean} Whether there was a message with this id.
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
 * @returns {string} The text with U+FFFD in place of lone surrogates, which UTF-8 cannot encode.
 */
function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
