// @ts-check
/**
 * The messages and changes of messages that the server has not acknowledged. They are bounded, and
 * resent on the next connection.
 *
 * @module
 */

import { ChatError, Outgoing, outcomeUnknown, RESEND } from "./membership.js";

/** @typedef {import("./membership.js").Membership} Membership */
/** @typedef {import("./membership.js").Receipt} Receipt */
/** @typedef {import("./platform.js").Platform} Platform */

/** The maximum number of unacknowledged messages, and of their characters. */
const MAX_MESSAGES = 1_000;
const MAX_SIZE = 1_048_576;

/** The first and the longest delay before a message of unknown outcome is sent again, milliseconds. */
const AGAIN = 1_000;
const MAX_AGAIN = 30_000;

/** The default of the server's line limit, bytes. */
export const LINE = 65_536;

const ENCODER = new TextEncoder();

export class OutgoingMessages {
  /** The server's line limit, bytes. */
  limit = LINE;
  /** @type {Map<string, Outgoing>} */
  #messages = new Map();
  #size = 0;
  #platform;
  #send;

  /**
   * @param {Platform} platform
   * @param {(line: string) => void} send
   */
  constructor(platform, send) {
    this.#platform = platform;
    this.#send = send;
  }

  /** The number of unacknowledged messages. */
  get count() {
    return this.#messages.size;
  }

  /**
   * @param {string} id
   * @param {Membership} room
   * @param {import("./membership.js").Content} content
   * @param {number | null} [sent] The time of day at which an earlier client has sent it, if it did.
   * @returns {Promise<Receipt>}
   */
  add(id, room, content, sent = null) {
    return new Promise((resolve, reject) => {
      const outgoing = new Outgoing(id, room, content, { resolve, reject });
      if (sent !== null) outgoing.sent = this.#since(sent);
      if (this.count >= MAX_MESSAGES || this.#size + outgoing.size > MAX_SIZE) {
        throw new ChatError("too-much", "too many messages are waiting to be sent");
      }
      this.#messages.set(id, outgoing);
      this.#size += outgoing.size;
      room.add(outgoing);
      this.sendMore(room);
    });
  }

  /**
   * @param {number} sent A time of day.
   * @returns {number} The same time by the clock that is never set back. A time in the future means that
   *     the time of day was set back, so that the message may be old.
   */
  #since(sent) {
    const age = this.#platform.time() - sent;
    return age < 0 ? -Infinity : this.#platform.now() - age;
  }

  /**
   * @param {string} id
   * @returns {number | null} The time of day at which an unacknowledged message was first sent, if it was.
   */
  sentAt(id) {
    const sent = this.#messages.get(id)?.sent ?? null;
    if (sent === null) return null;
    return Math.max(0, this.#platform.time() - (this.#platform.now() - sent));
  }

  /**
   * Send as many messages as may be in flight.
   *
   * @param {Membership} room
   */
  sendMore(room) {
    for (const outgoing of room.due(this.#platform.now(), (...late) => this.refuse(...late))) {
      const line = encode(outgoing);
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
   * Refuse a message, or send it again later if the server does not know its outcome.
   *
   * @param {string} id
   * @param {ChatError} error
   * @param {number} [retry] The shortest delay that the server asks for, seconds.
   * @returns {boolean} Whether there was a message with this id.
   */
  refused(id, error, retry = 0) {
    const outgoing = this.#messages.get(id);
    if (outgoing === undefined) return false;
    if (error.code === "unknown") this.#sendLater(outgoing, retry * 1000);
    else this.refuse(outgoing, error);
    this.sendMore(outgoing.room);
    return true;
  }

  /** Wait for the next connection, which sends all messages again. */
  lost() {
    for (const { timer } of this.#messages.values()) this.#platform.clearTimeout(timer);
  }

  /**
   * Send a message again, with the same id, after a delay with backoff and jitter.
   *
   * @param {Outgoing} outgoing
   * @param {number} retry Milliseconds.
   */
  #sendLater(outgoing, retry) {
    const longest = Math.min(MAX_AGAIN, AGAIN * 2 ** Math.min(outgoing.unknowns++, 10));
    const delay = Math.max(
      longest * (0.5 + this.#platform.random() / 2),
      Math.min(retry, MAX_AGAIN),
    );
    this.#platform.clearTimeout(outgoing.timer);
    const time = this.#platform.now();
    if (time + delay - (outgoing.sent ?? time) > RESEND) this.refuse(outgoing, outcomeUnknown());
    else outgoing.timer = this.#platform.setTimeout(() => this.#sendAgain(outgoing), delay);
  }

  /** @param {Outgoing} outgoing */
  #sendAgain(outgoing) {
    if (outgoing.room.joined !== null) this.#send(encode(outgoing));
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
    this.#platform.clearTimeout(outgoing.timer);
    this.#messages.delete(outgoing.id);
    this.#size -= outgoing.size;
  }
}

/**
 * @param {Outgoing} outgoing
 * @returns {string} The command that sends it.
 */
function encode({ id, room, content: { type, ...fields } }) {
  const sent = Object.entries(fields).map(([name, value]) => [name, wellFormed(value)]);
  return JSON.stringify({ type, room: room.name, ...Object.fromEntries(sent), id });
}

/**
 * @param {unknown} value
 * @returns {unknown} A text with U+FFFD in place of lone surrogates, which UTF-8 cannot encode. Any other
 *     value is unchanged.
 */
function wellFormed(value) {
  return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value;
}
