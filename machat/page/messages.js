// @ts-check
/**
 * The items of one room: messages and gaps in order, and after them the user's own messages that
 * are not known to be stored. This module does not access the page.
 *
 * @module
 */

import { change, messageOf, update } from "./changes.js";
import { Items } from "./items.js";
import { PendingMessages } from "./pending.js";
import { phrase } from "./texts.js";

/**
 * @typedef {import("./items.js").Message} Message
 * @typedef {import("./items.js").Gap} Gap
 * @typedef {import("./items.js").Note} Note
 *
 * @typedef {import("./pending.js").Pending} Pending
 *
 * @typedef {Message | Gap | Note | Pending} Item
 */

export class Messages {
  #items = new Items();
  #pending = new PendingMessages();
  /** The user's own name. */
  own = "";
  /** Whether there are no older messages. */
  whole = false;
  /** Whether the latest messages are not among the items, because the user reads older ones. */
  cut = false;
  /** Whether the user reads older messages, so that these must not be removed. */
  reading = false;
  /** The first unread item. @type {Item | null} */
  fresh = null;
  /** The number of the latest message received. */
  newest = 0;

  get pending() {
    return this.#pending.list;
  }

  /** The epoch of the message numbers. */
  get epoch() {
    return this.#items.epoch;
  }

  /** The number of all items. */
  get length() {
    return this.#items.list.length + this.pending.length;
  }

  /**
   * @param {number} index
   * @returns {Item | undefined}
   */
  at(index) {
    return this.#items.list[index] ?? this.pending[index - this.#items.list.length];
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
    if (item.kind !== "pending") return this.#items.list.indexOf(item);
    const index = this.pending.indexOf(item);
    return index < 0 ? index : index + this.#items.list.length;
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
      if (pending.seq !== null && pending.seq > seq) pending.error = phrase("message.lost");
    }
  }

  /**
   * Begin a new epoch.
   *
   * @param {string} epoch
   * @param {number} last The number of the last message that the new epoch shares with the old one.
   */
  #begin(epoch, last) {
    this.newest = Math.min(this.newest, last);
    this.#items.begin(epoch, last);
  }

  /**
   * Add a new message.
   *
   * @param {any} event
   * @returns {Message | null} `null` if it is there already, because a rejoin repeats messages.
   */
  add(event) {
    if (this.#items.change(event.seq, (message) => update(message, event))) return null;
    const message = this.#message(event);
    this.#pending.settle(message);
    this.newest = Math.max(this.newest, message.seq);
    this.cut ||= this.reading && this.#items.exceeded(1, message.size);
    if (!this.cut) this.#append([message]);
    return message;
  }

  /** @param {number} seq */
  get(seq) {
    return this.#items.get(seq);
  }

  /** The message that an item answers, if it is loaded. @param {Item} item */
  answered(item) {
    return "reply" in item && item.reply !== undefined ? this.get(item.reply) : undefined;
  }

  /** The last message that the user can edit. */
  get lastOwn() {
    const { list } = this.#items;
    for (let index = list.length - 1; index >= 0; index--) {
      const item = list[index];
      if (item.kind === "message" && item.own && item.redacted === null) return item;
    }
    return undefined;
  }

  /**
   * Apply an edit, a redaction or a reaction.
   *
   * @param {any} event
   * @returns {Message | undefined} The message, if it is among the items.
   */
  change(event) {
    this.#items.change(event.target, (message) => change(message, event));
    return this.get(event.target);
  }

  /**
   * Update the messages that are in an answer of the server, because changes of them may have been missed.
   *
   * @param {any[]} events
   * @returns {number | null} The number before which further messages must be updated, or `null`.
   */
  refresh(events) {
    for (const event of events) this.#items.change(event.seq, (known) => update(known, event));
    const [first] = events;
    return first !== undefined && first.seq > this.#items.lowest ? first.seq : null;
  }

  /** @param {string} text */
  note(text) {
    this.#append([{ kind: "note", text }]);
  }

  /** @param {number | null} missed */
  gap(missed) {
    /** @type {Gap} */
    const gap = { kind: "gap", missed };
    if (!this.cut) this.#append([gap]); // otherwise the missed messages are loaded later
    return gap;
  }

  /**
   * Insert missed messages after a gap, and update or remove the gap.
   *
   * @param {Gap} gap
   * @param {{epoch: string, seq: number}} before The position of the last message before the gap.
   * @param {{epoch: string, seq: number}} after The position of the last missed message.
   * @param {any[]} events The latest stored messages.
   */
  fill(gap, before, after, events) {
    const index = this.#items.list.indexOf(gap);
    if (index < 0 || after.epoch !== this.epoch) return;
    let known = before.seq;
    if (before.epoch !== after.epoch) {
      known = this.#items.share(before.epoch, events);
    }
    const found = events
      .filter(({ seq }) => seq > known && seq <= after.seq && !this.#items.has(seq))
      .map((event) => this.#message(event));
    const reached = events.some(({ seq }) => seq <= known);
    for (const message of found) this.#pending.settle(message);
    this.#items.insert(index + 1, found);
    if (before.epoch === after.epoch || (known > 0 && known === before.seq)) {
      gap.missed = reached ? 0 : (found[0]?.seq ?? after.seq + 1) - known - 1;
      if (gap.missed === 0) this.#items.list.splice(index, 1);
    }
    this.#append([]);
  }

  /** The number before which older messages can be requested, or `null`. */
  get oldest() {
    const { first } = this.#items;
    return this.whole || first === null || first <= 1 ? null : first;
  }

  /** Whether the first item is the first message that the server has. */
  get begins() {
    const { first } = this.#items;
    return first !== null && (this.whole || first <= 1);
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
    this.#items.insert(0, found);
    this.whole = found.length === 0;
    this.newest = Math.max(this.newest, this.last ?? 0);
    this.cut = this.#items.trimEnd() || this.cut;
    return found.length;
  }

  /** The number after which newer messages can be requested, or `null`. */
  get last() {
    return this.#items.last;
  }

  /**
   * Add newer messages after all others, if the latest were cut off.
   *
   * @param {number} after The number after which they were requested.
   * @param {{epoch: string, seq: number, messages: any[]}} answer
   * @returns {number} The number of added messages.
   */
  newer(after, { epoch, seq, messages }) {
    if (!this.cut || epoch !== this.epoch || after !== this.last) return 0;
    const found = messages.filter((event) => event.seq > after);
    this.#load(found, seq);
    if (found.length === 0) this.cut = false;
    return found.length;
  }

  /**
   * Replace all items with the latest messages.
   *
   * @param {{epoch: string, messages: any[]}} answer
   * @returns {number} The number of messages.
   */
  latest({ epoch, messages }) {
    if (epoch !== this.epoch) return 0;
    this.#items.clear();
    this.whole = false;
    this.#load(messages, 0);
    return messages.length;
  }

  /**
   * Replace all items with those around a message.
   *
   * @param {{epoch: string, seq: number, messages: any[]}} answer
   * @returns {boolean} Whether there are any.
   */
  around(answer) {
    if (this.latest(answer) === 0) return false;
    this.cut = (this.last ?? 0) < Math.max(answer.seq, this.newest);
    return true;
  }

  /**
   * @param {any[]} events
   * @param {number} top The number of the last message.
   */
  #load(events, top) {
    const found = events.map((event) => this.#message(event));
    for (const message of found) this.#pending.settle(message);
    this.#append(found);
    this.cut = (this.last ?? 0) < Math.max(top, this.newest);
  }

  /**
   * Add items at the end, and remove the oldest if there are too many.
   *
   * @param {(Message | Gap | Note)[]} items
   */
  #append(items) {
    this.#items.insert(this.#items.list.length, items);
    if (this.#items.trim()) this.whole = false;
  }

  /**
   * Show one of the user's messages before it is stored.
   *
   * @param {import("./pending.js").Content} content
   */
  expect(content) {
    return this.#pending.add({ from: this.own, ...content });
  }

  /**
   * Record that one of the user's messages is stored.
   *
   * @param {Pending} pending
   * @param {number} seq
   */
  confirm(pending, seq) {
    pending.seq = seq;
    if (this.#items.has(seq)) this.drop(pending);
  }

  /** @param {Pending} pending */
  drop(pending) {
    this.#pending.drop(pending);
  }

  /** @param {any} event */
  #message(event) {
    return messageOf(event, this.epoch, this.own);
  }
}
