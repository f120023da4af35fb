// @ts-check
/**
 * The items of one room: messages and gaps in the order of the log, and after them the user's own
 * messages that are not in the log yet. This module does not access the page.
 *
 * @module
 */

/** The maximum number of items of a room, and of their characters. The oldest are removed first. */
export const MAX_ITEMS = 10_000;
const MAX_SIZE = 8_388_608;

/**
 * @typedef {object} Message
 * @property {"message"} kind
 * @property {string} epoch
 * @property {number} seq
 * @property {string} from
 * @property {string} text
 * @property {number} at
 * @property {boolean} own
 *
 * @typedef {object} Gap Messages were missed.
 * @property {"gap"} kind
 * @property {number | null} missed The number of messages, if known.
 *
 * @typedef {object} Note A text of the page itself.
 * @property {"note"} kind
 * @property {string} text
 *
 * @typedef {object} Pending One of the user's messages that is not known to be in the log.
 * @property {"pending"} kind
 * @property {string} from
 * @property {string} text
 * @property {number} at
 * @property {number | null} seq Its number once it is acknowledged.
 * @property {string | null} error The reason of a refusal.
 * @property {string} [code] The code of the refusal.
 *
 * @typedef {Message | Gap | Note | Pending} Item
 */

export class Messages {
  /** @type {(Message | Gap | Note)[]} */
  items = [];
  /** @type {Pending[]} */
  pending = [];
  /** The user's own name. */
  own = "";
  /** The epoch of the message numbers. */
  epoch = "";
  /** Whether there are no older messages. */
  whole = false;
  /** The first unread item. @type {Item | null} */
  fresh = null;
  #size = 0;
  /** The numbers of the messages in this epoch. @type {Set<number>} */
  #seqs = new Set();

  /** The number of all items. */
  get length() {
    return this.items.length + this.pending.length;
  }

  /**
   * @param {number} index
   * @returns {Item | undefined}
   */
  at(index) {
    return this.items[index] ?? this.pending[index - this.items.length];
  }

  /**
   * @param {number} index
   * @returns {number} The time of the last message before it, or 0.
   */
  timeBefore(index) {
    for (let before = index - 1; before >= 0; before--) {
      const item = this.at(before);
      if (item !== undefined && "at" in item) return item.at;
    }
    return 0;
  }

  /**
   * @param {Item} item
   * @returns {number} Its index, or less than 0.
   */
  indexOf(item) {
    if (item.kind !== "pending") return this.items.indexOf(item);
    const index = this.pending.indexOf(item);
    return index < 0 ? index : index + this.items.length;
  }

  /**
   * @param {string} epoch
   * @param {string} own
   * @param {boolean} recovered Whether no message was missed, although the epoch may be new.
   */
  markJoined(epoch, own, recovered) {
    this.own = own;
    if (epoch !== this.epoch) this.#begin(epoch, recovered ? Infinity : 0);
  }

  /**
   * Begin a new epoch while the user is in the room.
   *
   * @param {string} epoch
   * @param {number} seq The number of the last message of the old epoch that is in the new one.
   */
  moved(epoch, seq) {
    this.#begin(epoch, seq);
    for (const pending of this.pending) {
      if (pending.seq !== null && pending.seq > seq) pending.error = "the server has lost it";
    }
  }

  /**
   * Begin a new epoch.
   *
   * @param {string} epoch
   * @param {number} last The number of the last message that the new epoch shares with the old one.
   */
  #begin(epoch, last) {
    const before = this.epoch;
    this.epoch = epoch;
    this.#seqs.clear();
    this.#carry(before, last);
  }

  /**
   * Move messages of an earlier epoch to this one.
   *
   * @param {string} from The earlier epoch.
   * @param {number} last The number of the last message that both epochs share.
   */
  #carry(from, last) {
    for (const item of this.items) {
      if (item.kind !== "message" || item.epoch !== from || item.seq > last) continue;
      item.epoch = this.epoch;
      this.#seqs.add(item.seq);
    }
  }

  /**
   * @param {string} epoch An earlier epoch.
   * @param {any[]} events Messages of this epoch.
   * @returns {number} The number of the last message that is in both epochs, or 0.
   */
  #shared(epoch, events) {
    const known = new Map();
    for (const item of this.items) {
      if (item.kind === "message" && item.epoch === epoch) known.set(item.seq, item);
    }
    const same = events.filter(({ seq, at, from, text }) => {
      const item = known.get(seq);
      return item?.at === at && item?.from === from && item?.text === text;
    });
    return Math.max(0, ...same.map(({ seq }) => seq));
  }

  /**
   * Add a new message.
   *
   * @param {any} event
   * @returns {Message | null} `null` if it is there already, because a rejoin repeats messages.
   */
  add(event) {
    if (this.#seqs.has(event.seq)) return null;
    const message = this.#message(event);
    this.#settle(message);
    this.items.push(message);
    this.#count(message);
    this.#trim();
    return message;
  }

  /** @param {string} text */
  note(text) {
    this.items.push({ kind: "note", text });
    this.#trim();
  }

  /** @param {number | null} missed */
  gap(missed) {
    /** @type {Gap} */
    const gap = { kind: "gap", missed };
    this.items.push(gap);
    return gap;
  }

  /**
   * Insert missed messages after a gap, and update or remove the gap.
   *
   * @param {Gap} gap
   * @param {{epoch: string, seq: number}} before The position of the last message before the gap.
   * @param {{epoch: string, seq: number}} after The position of the last missed message.
   * @param {any[]} events The latest messages of the server's log.
   */
  fill(gap, before, after, events) {
    const index = this.items.indexOf(gap);
    if (index < 0 || after.epoch !== this.epoch) return;
    let known = before.seq;
    if (before.epoch !== after.epoch) {
      known = this.#shared(before.epoch, events);
      this.#carry(before.epoch, known);
    }
    const found = events
      .filter(({ seq }) => seq > known && seq <= after.seq && !this.#seqs.has(seq))
      .map((event) => this.#message(event));
    for (const message of found) {
      this.#settle(message);
      this.#count(message);
    }
    this.items.splice(index + 1, 0, ...found);
    if (before.epoch === after.epoch || (known > 0 && known === before.seq)) {
      gap.missed = (found[0]?.seq ?? after.seq + 1) - known - 1;
      if (gap.missed === 0) this.items.splice(index, 1);
    }
    this.#trim();
  }

  /** The number before which older messages can be requested, or `null`. */
  get oldest() {
    const first = this.items.find((item) => item.kind !== "note");
    if (this.whole || this.items.length >= MAX_ITEMS || first?.kind !== "message") return null;
    return first.epoch === this.epoch && first.seq > 1 ? first.seq : null;
  }

  /** Whether the first item is the first message that the server has. */
  get begins() {
    const first = this.items.find((item) => item.kind !== "note");
    if (first?.kind !== "message" || first.epoch !== this.epoch) return false;
    return this.whole || first.seq <= 1;
  }

  /**
   * Insert older messages before all others.
   *
   * @param {number} before The number before which they were requested.
   * @param {string} epoch
   * @param {any[]} events
   * @returns {number} The number of inserted messages.
   */
  older(before, epoch, events) {
    if (epoch !== this.epoch || before !== this.oldest) return 0;
    const found = events.filter(({ seq }) => seq < before).map((event) => this.#message(event));
    for (const message of found) this.#count(message);
    this.items.unshift(...found);
    this.whole = found.length === 0;
    return found.length;
  }

  /**
   * Show one of the user's messages before it is in the log.
   *
   * @param {string} text
   * @returns {Pending}
   */
  expect(text) {
    /** @type {Pending} */
    const pending = {
      kind: "pending",
      from: this.own,
      text,
      at: Date.now(),
      seq: null,
      error: null,
    };
    this.pending.push(pending);
    return pending;
  }

  /**
   * Record that one of the user's messages is in the log.
   *
   * @param {Pending} pending
   * @param {number} seq
   */
  confirm(pending, seq) {
    pending.seq = seq;
    if (this.#seqs.has(seq)) this.drop(pending);
  }

  /** @param {Pending} pending */
  drop(pending) {
    this.pending = this.pending.filter((each) => each !== pending);
  }

  /** @param {any} event */
  #message({ seq, from, text, at }) {
    const own = from === this.own;
    return /** @type {Message} */ ({
      kind: "message",
      epoch: this.epoch,
      seq,
      from,
      text,
      at,
      own,
    });
  }

  /**
   * Replace a pending message with the same message from the log.
   *
   * @param {Message} message
   */
  #settle({ own, seq, text }) {
    if (!own || this.pending.length === 0) return;
    const known = this.pending.find((each) => each.seq === seq);
    const same = (/** @type {Pending} */ each) =>
      each.seq === null && each.error === null && each.text === text;
    const settled = known ?? this.pending.find(same);
    if (settled !== undefined) this.drop(settled);
  }

  /** @param {Message} message */
  #count({ seq, text }) {
    this.#seqs.add(seq);
    this.#size += text.length;
  }

  #trim() {
    let gone = 0;
    for (let size = this.#size; this.items.length - gone > MAX_ITEMS || size > MAX_SIZE; gone++) {
      const item = this.items[gone];
      if (item.kind === "message") size -= item.text.length;
    }
    if (gone > 0) for (const item of this.items.splice(0, gone)) this.#forget(item);
  }

  /** @param {Item} item */
  #forget(item) {
    if (item.kind !== "message") return;
    this.#size -= item.text.length;
    if (item.epoch === this.epoch) this.#seqs.delete(item.seq);
  }
}
