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
  /** The last position at the first join. Older messages are not unread. */
  #seen = { epoch: "", seq: 0 };
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

  /** Mark the messages as read. */
  looked() {
    const { list } = this.#view;
    if (this.count > 0 && list.sticks) list.toFresh();
    this.count = 0;
    this.mentions = 0;
    this.#options.changed();
  }

  /**
   * Called before the messages have the epoch of the event.
   *
   * @param {{epoch: string, seq: number, recovered?: boolean}} event
   */
  joined({ epoch, seq, recovered }) {
    if (this.#seen.epoch === "") this.#seen = { epoch, seq };
    else if (recovered && this.#seen.epoch === this.#view.messages.epoch) this.#seen.epoch = epoch;
  }

  /**
   * Called before the messages have the epoch of the event.
   *
   * @param {{epoch: string, seq: number}} event
   */
  moved({ epoch, seq }) {
    if (this.#seen.epoch === this.#view.messages.epoch)
      this.#seen = { epoch, seq: Math.min(this.#seen.seq, seq) };
  }

  /** Count a new message. @param {Message} message */
  add(message) {
    const seen = this.#seen;
    const old = message.epoch === seen.epoch && message.seq <= seen.seq;
    this.#view.list.live = !old;
    if (old || message.own) return;
    const { from, text } = message;
    const mention = mentioned(text);
    this.#add(message, mention);
    this.#options.received({ from, text, mention });
  }

  /**
   * @param {Message} message
   * @param {boolean} mention
   */
  #add(message, mention) {
    const { messages, list, down } = this.#view;
    const looked = this.#view.looked();
    if (!looked) {
      const reading = messages.fresh !== null && !list.sticks;
      if (this.count === 0 && !reading) messages.fresh = message;
      if (!isNotice(message)) this.count++;
      if (mention) this.mentions++;
      this.#options.changed();
    }
    if (!looked || !list.sticks) {
      down.count++;
      if (looked) this.#view.moved();
    }
  }
}
