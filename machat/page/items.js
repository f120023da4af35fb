// @ts-check
/**
 * The bounded list of a room's messages in the order of their numbers, and of the gaps and notes between
 * them. This module does not access the page.
 *
 * @module
 */

/** The maximum number of items of a room, and of their characters. */
const MAX_ITEMS = 10_000;
const MAX_SIZE = 8_388_608;

/**
 * @typedef {object} Message
 * @property {"message"} kind
 * @property {string} epoch
 * @property {number} seq
 * @property {string} from
 * @property {string} text Empty if it was redacted.
 * @property {number} at
 * @property {boolean} own
 * @property {Record<string, unknown>} [data] An object for programs.
 * @property {number} [reply] The number of the message that it answers.
 * @property {boolean} edited
 * @property {{by?: string, reason?: string} | null} redacted Who has removed the content and why, if known.
 * @property {Map<string, Set<string>>} reactions The names by emoji.
 * @property {number} size The size of the content, characters.
 * @property {number} version Changes with the content.
 *
 * @typedef {object} Gap Messages were missed.
 * @property {"gap"} kind
 * @property {number | null} missed The number of messages, if known.
 *
 * @typedef {object} Note A text of the page itself.
 * @property {"note"} kind
 * @property {string} text
 *
 * @typedef {Message | Gap | Note} LogItem
 */

export class Items {
  /** @type {LogItem[]} */
  list = [];
  /** The epoch of the message numbers. */
  epoch = "";
  #size = 0;
  /** The messages of this epoch by number. @type {Map<number, Message>} */
  #seqs = new Map();

  /** @param {number} seq */
  has(seq) {
    return this.#seqs.has(seq);
  }

  /** @param {number} seq */
  get(seq) {
    return this.#seqs.get(seq);
  }

  /** The lowest number of a message of this epoch, or infinity. */
  get lowest() {
    let lowest = Infinity;
    for (const seq of this.#seqs.keys()) lowest = Math.min(lowest, seq);
    return lowest;
  }

  /**
   * Change the content of a message.
   *
   * @param {number} seq
   * @param {(message: Message) => void} change
   * @returns {boolean} Whether there is such a message.
   */
  change(seq, change) {
    const message = this.#seqs.get(seq);
    if (message === undefined) return false;
    this.#size -= message.size;
    change(message);
    this.#size += message.size;
    return true;
  }

  /** The number of the first message, or `null` if the first item is none of this epoch. */
  get first() {
    const first = this.list.find((item) => item.kind !== "note");
    return first?.kind === "message" && first.epoch === this.epoch ? first.seq : null;
  }

  /** The number of the last message, or `null` if that is not of this epoch. */
  get last() {
    for (let index = this.list.length - 1; index >= 0; index--) {
      const item = this.list[index];
      if (item.kind === "message") return item.epoch === this.epoch ? item.seq : null;
    }
    return null;
  }

  /**
   * @param {number} index
   * @param {LogItem[]} items
   */
  insert(index, items) {
    this.list.splice(index, 0, ...items);
    for (const item of items) {
      if (item.kind !== "message") continue;
      this.#seqs.set(item.seq, item);
      this.#size += item.size;
    }
  }

  /** Remove all messages and gaps. */
  clear() {
    this.list = this.list.filter((item) => item.kind === "note");
    this.#seqs.clear();
    this.#size = 0;
  }

  /**
   * Begin a new epoch.
   *
   * @param {string} epoch
   * @param {number} last The number of the last message that the new epoch shares with the old one.
   */
  begin(epoch, last) {
    const before = this.epoch;
    this.epoch = epoch;
    this.#seqs.clear();
    this.#carry(before, last);
  }

  /**
   * Find the messages of an earlier epoch that are also in this one.
   *
   * @param {string} epoch The earlier epoch.
   * @param {any[]} events Messages of this epoch.
   * @returns {number} The number of the last message that is in both epochs, or 0.
   */
  share(epoch, events) {
    const known = new Map();
    for (const item of this.list) {
      if (item.kind === "message" && item.epoch === epoch) known.set(item.seq, item);
    }
    const same = events.filter(({ seq, at, from, text, edited, redacted }) => {
      const item = known.get(seq);
      const content = edited || redacted || item?.text === text;
      return item?.at === at && item?.from === from && content;
    });
    const last = Math.max(0, ...same.map(({ seq }) => seq));
    this.#carry(epoch, last);
    return last;
  }

  /**
   * Move messages of an earlier epoch to this one.
   *
   * @param {string} from The earlier epoch.
   * @param {number} last The number of the last message that both epochs share.
   */
  #carry(from, last) {
    for (const item of this.list) {
      if (item.kind !== "message" || item.epoch !== from || item.seq > last) continue;
      item.epoch = this.epoch;
      this.#seqs.set(item.seq, item);
    }
  }

  /**
   * @param {number} [more] A number of further items.
   * @param {number} [size] The number of their characters.
   * @returns {boolean} Whether there would be too many.
   */
  exceeded(more = 0, size = 0) {
    return this.list.length + more > MAX_ITEMS || this.#size + size > MAX_SIZE;
  }

  /** Remove the oldest items that are too many. @returns {boolean} Whether there were any. */
  trim() {
    let gone = 0;
    for (let size = this.#size; this.list.length - gone > MAX_ITEMS || size > MAX_SIZE; gone++) {
      const item = this.list[gone];
      if (item.kind === "message") size -= item.size;
    }
    for (const item of this.list.splice(0, gone)) this.#forget(item);
    return gone > 0;
  }

  /** Remove the latest items that are too many. @returns {boolean} Whether there were any. */
  trimEnd() {
    const before = this.list.length;
    while (this.exceeded()) this.#forget(/** @type {LogItem} */ (this.list.pop()));
    return this.list.length < before;
  }

  /** @param {LogItem} item */
  #forget(item) {
    if (item.kind !== "message") return;
    this.#size -= item.size;
    if (item.epoch === this.epoch) this.#seqs.delete(item.seq);
  }
}
