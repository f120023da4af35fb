// @ts-check
/**
 * The unread messages of a room: their number, and the first of them.
 *
 * @module
 */

import { mentioned } from "./mentions.js";
import { isNotice } from "./messageview.js";

/** @typedef {import("./messages.js").Message} Message */

/**
 * @typedef {object} View
 * @property {import("./messages.js").Messages} messages
 * @property {import("./messagelist.js").MessageList} list
 * @property {import("./downbutton.js").DownButton} down
 * @property {import("./readmarker.js").ReadMarker} marker
 * @property {boolean} direct Whether it is a direct conversation, whose messages count as mentions.
 * @property {() => boolean} looked Returns whether the user looks at the room.
 * @property {() => void} moved Shows whether the end of the list is visible.
 *
 * @typedef {object} Options
 * @property {() => void} changed Called when the number of unread messages has changed.
 * @property {(message: {from: string, text: string, mention: boolean}) => void} received Called with each
 *     new message of another user.
 */

export class Unread {
  count = 0;
  /** The number of unread messages that mention the user. */
  mentions = 0;
  /** The last position at the first join. Older messages are not new. */
  #begin = { epoch: "", seq: 0 };
  /** The read marker when the first unread message was marked. */
  #before = 0;
  #frame = 0;
  #view;
  #options;

  /**
   * @param {View} view
   * @param {Options} options
   */
  constructor(view, options) {
    this.#view = view;
    this.#options = options;
  }

  /** Whether there may be unread messages before those that are loaded. */
  get more() {
    const { marker, messages } = this.#view;
    return marker.shared && this.count > 0 && (messages.oldest ?? 0) > marker.seq + 1;
  }

  /** Mark the messages as read. */
  looked() {
    const { list, marker } = this.#view;
    if (this.count > 0 && list.sticks) list.toFresh();
    this.count = 0;
    this.mentions = 0;
    this.#options.changed();
    marker.see();
  }

  /**
   * Called before the messages have the epoch of the event.
   *
   * @param {{epoch: string, seq: number, recovered?: boolean, missed?: number, read?: number}} event
   */
  joined(event) {
    const { epoch, seq, recovered, missed = 0 } = event;
    // in a conversation that the server has joined for the user, the missed messages are new
    if (this.#begin.epoch === "") this.#begin = { epoch, seq: recovered ? seq - missed : seq };
    else if (recovered && this.#begin.epoch === this.#view.messages.epoch)
      this.#begin.epoch = epoch;
    if (this.#view.marker.joined(event)) this.#recount();
  }

  /**
   * Called before the messages have the epoch of the event.
   *
   * @param {{epoch: string, seq: number}} event
   */
  moved({ epoch, seq }) {
    this.#view.marker.moved(seq);
    if (this.#begin.epoch === this.#view.messages.epoch)
      this.#begin = { epoch, seq: Math.min(this.#begin.seq, seq) };
  }

  /** Record that the user has read messages on another device. @param {number} seq */
  read(seq) {
    if (this.#view.marker.read(seq)) this.#recount();
  }

  /** Count a new message. @param {Message} message */
  add(message) {
    const { list, marker, direct } = this.#view;
    const begin = this.#begin;
    const old = message.epoch === begin.epoch && message.seq <= begin.seq;
    list.live = !old;
    const seen = marker.shared ? message.seq <= marker.seq : old;
    if (!seen && !message.own) {
      const { from, text } = message;
      const mention = direct || mentioned(text);
      this.#add(message, mention, old);
      if (!old) this.#options.received({ from, text, mention });
    }
    marker.see();
  }

  /**
   * @param {Message} message
   * @param {boolean} mention
   * @param {boolean} old Whether it was sent before the first join.
   */
  #add(message, mention, old) {
    const { list, down, moved } = this.#view;
    const looked = this.#view.looked();
    if (!looked || old) this.#mark(message, old);
    if (!looked) {
      if (!isNotice(message)) this.count++;
      if (mention) this.mentions++;
      this.#options.changed();
    }
    if (looked && old) this.#open();
    else if (!looked || !list.sticks) {
      down.count++;
      if (looked) moved();
    }
  }

  /**
   * Mark the first unread message, unless one is marked.
   *
   * @param {Message} message
   * @param {boolean} old
   */
  #mark(message, old) {
    const { messages, list, marker } = this.#view;
    const marked = messages.fresh !== null && (old || !list.sticks);
    if (this.count > 0 || marked) return;
    messages.fresh = message;
    this.#before = marker.seq;
  }

  /** Scroll to the first unread message with the next frame. */
  #open() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const { list, down, looked, moved } = this.#view;
      if (!looked()) return;
      list.toFresh();
      if (!list.sticks) down.count = this.#after().length;
      moved();
    });
  }

  /** Do not scroll to the first unread message. */
  stay() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  /** Count the messages after the marker, because it has changed. */
  #recount() {
    const { messages, list, marker, direct, looked } = this.#view;
    if (looked()) return;
    const found = this.#after();
    this.count = found.filter((each) => !isNotice(each)).length;
    this.mentions = found.filter(({ text }) => direct || mentioned(text)).length;
    messages.fresh = found.at(-1) ?? null;
    this.#before = marker.seq;
    list.changed();
    this.#options.changed();
  }

  /** The messages of others after the marker, the last one first. */
  #after() {
    const { messages, marker } = this.#view;
    const found = [];
    for (let index = messages.length - 1; index >= 0; index--) {
      const item = messages.at(index);
      if (item?.kind !== "message") continue;
      if (item.epoch !== messages.epoch || item.seq <= marker.seq) break;
      if (!item.own) found.push(item);
    }
    return found;
  }

  /** Mark the first unread message again, because older messages were loaded. */
  older() {
    const { messages, marker } = this.#view;
    if (!marker.shared || messages.fresh === null) return;
    for (let index = 0; messages.at(index) !== messages.fresh; index++) {
      const item = messages.at(index);
      if (item === undefined) return;
      if (item.kind !== "message" || item.own || item.epoch !== messages.epoch) continue;
      if (item.seq <= this.#before) continue;
      messages.fresh = item;
      return;
    }
  }
}
