// @ts-check
/**
 * The read marker of a room: the number of the last message that the user has read. If the user has an
 * account, all devices of the user share it.
 *
 * @module
 */

/** The delay before a marker is sent, so that several messages need only one, milliseconds. */
const PAUSE = 1_000;

/**
 * @typedef {object} Options
 * @property {boolean} shared Whether the server stores the marker, because the user has an account.
 * @property {boolean} whole Whether all messages are unread if no marker is stored.
 * @property {() => boolean} looked Returns whether the user looks at the room.
 * @property {() => boolean} atEnd Returns whether the last message is in the visible part of the list.
 * @property {(seq: number) => Promise<unknown>} send Sends the marker.
 */

export class ReadMarker {
  /** The number of the last message that the user has read. */
  seq = 0;
  /** The marker that the server has, or that this page has sent; 0 if there is none. */
  #stored = 0;
  #joined = false;
  #messages;
  #options;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {import("./messages.js").Messages} messages
   * @param {Options} options
   */
  constructor(messages, options) {
    this.#messages = messages;
    this.#options = options;
  }

  get shared() {
    return this.#options.shared;
  }

  /**
   * Record that the room was joined. Call this before the messages have the epoch of the event.
   *
   * @param {{epoch: string, seq: number, recovered?: boolean, missed?: number, read?: number}} joined
   * @returns {boolean} Whether the user has meanwhile read more on another device.
   */
  joined({ epoch, seq, recovered = false, missed = 0, read }) {
    const same = recovered || epoch === this.#messages.epoch;
    if (!this.#joined) {
      const before = recovered ? seq - missed : this.#options.whole ? 0 : seq;
      this.#joined = true;
      this.seq = read ?? before;
      this.#stored = read ?? 0;
    } else if (!same) {
      this.seq = read ?? Math.min(this.seq, seq);
      this.#stored = read ?? 0;
    } else if ((read ?? 0) < this.#stored) this.#send(this.#stored); // the last one was lost
    return same && this.read(read ?? 0);
  }

  /** Record the new epoch of the room. @param {number} seq The number of its last message. */
  moved(seq) {
    this.seq = Math.min(this.seq, seq);
    this.#stored = Math.min(this.#stored, seq);
  }

  /**
   * Record the marker of another device.
   *
   * @param {number} seq
   * @returns {boolean} Whether it is higher.
   */
  read(seq) {
    this.#stored = Math.max(this.#stored, seq);
    if (seq <= this.seq) return false;
    this.seq = seq;
    return true;
  }

  /** The number of the last message. */
  get #last() {
    return Math.max(this.#messages.newest, this.#messages.last ?? 0);
  }

  /** Send the marker soon, if the user sees the last message. */
  see() {
    const { shared, looked, atEnd } = this.#options;
    if (!shared || this.#timer !== undefined || this.#last <= this.#stored) return;
    if (looked() && atEnd()) this.#timer = setTimeout(() => this.#settle(looked()), PAUSE);
  }

  /** Send the marker now if it waits, because the user stops looking at the room. */
  leave() {
    if (this.#timer !== undefined) this.#settle(true);
  }

  /** @param {boolean} looked */
  #settle(looked) {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (looked && this.#options.atEnd() && this.#last > this.#stored) this.#send(this.#last);
  }

  /** @param {number} seq */
  #send(seq) {
    this.seq = this.#stored = seq;
    this.#options.send(seq).catch(() => {}); // without a connection, it is sent after the next join
  }
}
