// @ts-check
/**
 * The messages that the user sends to a room, until the server has acknowledged them.
 *
 * @module
 */

import { read } from "./slash.js";
import { phrase } from "./texts.js";
import { explained } from "./times.js";
import { newId, unsent } from "./unsent.js";

/** @typedef {import("./messages.js").Pending} Pending */

/** The maximum number of unsent messages in a room. */
const UNSENT = 500;

/**
 * @typedef {object} View The parts of a room that show these messages.
 * @property {import("./messages.js").Messages} messages
 * @property {import("./messagelist.js").MessageList} list
 * @property {import("./composer.js").Composer} composer
 * @property {import("./commands.js").Commands} commands
 * @property {import("./messageactions.js").MessageActions} actions
 * @property {() => void} focus Focuses the room.
 * @property {() => void} changed Called when the messages that are not known to be stored have changed.
 */

export class MessageSender {
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
   * Send the text that the user has typed, or run it as a command.
   *
   * @param {string} text
   * @param {import("./composermode.js").Mode | null} mode What the text is for.
   * @returns {string | null} The reason why it was not accepted.
   */
  submit(text, mode) {
    const { messages, composer, commands, actions } = this.#view;
    const { text: said = "", command, wrong } = read(text, mode?.kind === "edit");
    if (wrong !== undefined) return wrong;
    if (mode?.kind === "edit") {
      actions.edit(mode.message, said);
      return null;
    }
    if (command !== undefined) {
      commands.run(command).catch((error) => {
        composer.restore(text);
        composer.warn(explained(error));
      });
      return null;
    }
    if (messages.pending.length >= UNSENT) return phrase("composer.tooMany");
    this.send(said, mode?.message.seq);
    return null;
  }

  /**
   * Send a message, and scroll to it.
   *
   * @param {string} text
   * @param {number} [reply] The number of the message that it answers.
   */
  send(text, reply) {
    const { messages, list } = this.#view;
    this.#send({ text, reply });
    messages.fresh = null;
    list.end();
  }

  /** Send a refused message again. @param {Pending} pending */
  retry(pending) {
    this.#view.messages.drop(pending);
    this.#send({ text: pending.text, reply: pending.reply });
    this.#view.list.end();
    this.#view.focus();
  }

  /** Return a refused message to the field. @param {Pending} pending */
  edit(pending) {
    this.drop(pending);
    const { composer, messages } = this.#view;
    composer.restore(pending.text.replace(/^\//, "//"));
    const answered = messages.answered(pending);
    if (answered !== undefined) composer.reply(answered);
  }

  /** Remove a refused message. @param {Pending} pending */
  drop(pending) {
    this.#view.messages.drop(pending);
    this.#view.list.changed();
    this.#view.changed();
    this.#view.focus();
  }

  /**
   * @param {boolean} unloads Whether the page is being unloaded.
   * @returns {import("./unsent.js").Unsent[]} The messages that a reloaded page shows and sends again.
   */
  unsent(unloads) {
    const { pending } = this.#view.messages;
    return unsent(pending, (id) => this.#client.sentAt(id), unloads);
  }

  /** Show the messages from before a reload, and send those again that were not refused.
   * @param {import("./unsent.js").Unsent[]} list */
  restore(list) {
    const { messages } = this.#view;
    for (const { text, reply, at, id, sent, error, code } of list) {
      if (error === undefined) this.#send({ text, reply, at, id, sent });
      else messages.expect({ text, reply, at, error, code });
    }
    this.#view.list.changed();
  }

  /** @param {{text: string, reply?: number, at?: number, id?: string, sent?: number | null}} unsent */
  #send({ text, reply, at, id = newId(), sent }) {
    const { messages, list } = this.#view;
    const pending = messages.expect({ text, reply, at, id, sent });
    this.#view.changed();
    this.#client
      .say(this.#room, text, { reply, id, sent })
      .then(
        ({ seq }) => messages.confirm(pending, seq),
        ({ code, message }) => Object.assign(pending, { error: message, code }),
      )
      .finally(() => {
        list.changed();
        this.#view.changed();
      });
  }
}
