// @ts-check
/**
 * The actions on messages: the menu, and the commands that it sends.
 *
 * @module
 */

import { linkTo } from "./address.js";
import { ask } from "./ask.js";
import { changeable } from "./editing.js";
import { askEmoji } from "./emojidialog.js";
import { isNotice } from "./messageview.js";
import { openMenu } from "./menu.js";
import { phrase } from "./texts.js";
import { duration, explained } from "./times.js";

/** @typedef {import("./messages.js").Message} Message */

/** The reactions in the menu. */
const SIGNS = ["\u{1f44d}", "\u2764\ufe0f", "\u{1f602}", "\u{1f389}", "\u{1f440}", "\u2705"];

/**
 * @typedef {object} View The parts of a room that these actions use.
 * @property {import("./messages.js").Messages} messages
 * @property {import("./composer.js").Composer} composer
 * @property {import("./moderation.js").Moderation} moderation
 * @property {(name: string) => import("./menu.js").Entry[]} entries Returns the actions on a user.
 * @property {() => void} focus Focuses the room.
 */

export class MessageActions {
  #client;
  #room;
  #view;

  /**
   * @param {import("./client.js").Client} client
   * @param {string} room
   * @param {View} view
   */
  constructor(client, room, view) {
    this.#client = client;
    this.#room = room;
    this.#view = view;
  }

  /**
   * Open the menu of a message.
   *
   * @param {Message} message
   * @param {HTMLElement} button
   */
  menu(message, button) {
    const { composer, focus } = this.#view;
    const label = phrase("menu.message", { name: message.from });
    const own = this.#mayChange(message);
    /** @type {import("./menu.js").Entry[]} */
    const entries = SIGNS.map((sign) => ({
      sign,
      label: phrase("react.with", { emoji: sign }),
      act: () => this.react(message, sign),
    }));
    const add = (/** @type {string} */ label, /** @type {() => void} */ act, danger = false) =>
      entries.push({ label, act, danger });
    add(phrase("react.other"), () => this.#other(message));
    add(phrase("reply.action"), () => composer.reply(message));
    add(phrase("menu.copy"), () => this.#copy(message.seq));
    if (own && !isNotice(message)) add(phrase("change.edit"), () => composer.edit(message));
    if (own) add(phrase("change.remove"), () => this.#redact(message), true);
    if (!message.own && !isNotice(message)) entries.push(...this.#view.entries(message.from));
    openMenu(button, label, entries, focus);
  }

  /** Edit the user's last message. */
  editLast() {
    const { composer, messages } = this.#view;
    const { lastOwn } = messages;
    if (lastOwn === undefined) return;
    if (this.#mayChange(lastOwn)) composer.edit(lastOwn);
    else composer.warn(phrase("change.tooLate", { time: duration(this.#client.editTime) }));
  }

  /** @param {Message} message */
  #mayChange({ own, at }) {
    return this.#view.moderation.allowed || (own && changeable(at, this.#client.editTime));
  }

  /**
   * Add the user's reaction, or remove it if it exists.
   *
   * @param {Message} message
   * @param {string} emoji
   */
  react(message, emoji) {
    this.#toggle(message, emoji).catch((error) => this.#view.composer.warn(explained(error)));
  }

  /**
   * Send the new text of a message. If it is refused, return it to the field.
   *
   * @param {Message} message
   * @param {string} text
   */
  edit(message, text) {
    const { composer } = this.#view;
    if (text === message.text) return;
    this.#client.edit(this.#room, message.seq, text).catch((error) => {
      if (composer.idle && message.redacted === null) composer.edit(message, text);
      composer.warn(explained(error));
    });
  }

  /**
   * @param {Message} message
   * @param {string} emoji
   */
  #toggle({ seq, reactions }, emoji) {
    const remove = reactions.get(emoji)?.has(this.#view.messages.own) === true;
    return this.#client.react(this.#room, seq, emoji, { remove });
  }

  /** @param {Message} message */
  #other(message) {
    askEmoji({
      title: phrase("react.title"),
      submit: phrase("react.submit"),
      chosen: (emoji) => this.#toggle(message, emoji),
    });
  }

  /** Copy a link to a message. @param {number} seq */
  async #copy(seq) {
    const { composer } = this.#view;
    const href = linkTo(this.#room, seq);
    try {
      await navigator.clipboard.writeText(href);
      composer.warn(phrase("menu.copied"), false);
    } catch {
      composer.warn(href, false); // plain HTTP, or the browser denies access to the clipboard
    }
  }

  /** @param {Message} message */
  #redact(message) {
    const field = { name: "reason", label: phrase("moderation.reason"), most: 300 };
    ask({
      title: phrase("change.removeTitle"),
      text: phrase("change.removeText", { name: message.from }),
      fields: [field],
      submit: phrase("change.removeSubmit"),
      danger: true,
      submitted: ({ reason }) =>
        this.#client.redact(this.#room, message.seq, reason.trim() || undefined),
    });
  }
}
