// @ts-check
/**
 * Stored messages that a room requests: those that were missed, and those that the user wants to see.
 *
 * @module
 */

import { PAGE } from "./loader.js";
import { phrase } from "./texts.js";
import { explained } from "./times.js";

/** @typedef {import("./client.js").Position} Position */

/** The maximum number of requests for the update of all messages, and of messages in each. */
const REQUESTS = 40;
const LIMIT = 300;

export class StoredMessages {
  #client;
  #room;
  #messages;
  #list;
  #warn;

  /**
   * @param {import("./client.js").Client} client
   * @param {string} room
   * @param {import("./messages.js").Messages} messages
   * @param {import("./messagelist.js").MessageList} list
   * @param {(text: string) => void} warn Shows an error.
   */
  constructor(client, room, messages, list, warn) {
    this.#client = client;
    this.#room = room;
    this.#messages = messages;
    this.#list = list;
    this.#warn = warn;
  }

  /**
   * Load the messages of a gap, and update all others, because changes of them may have been missed.
   *
   * @param {import("./messages.js").Gap} gap
   * @param {Position} before
   * @param {Position} after
   */
  async fill(gap, before, after) {
    try {
      const { messages } = await this.#client.history(this.#room);
      this.#messages.fill(gap, before, after, messages);
      this.#list.changed();
      await this.#refresh(messages);
    } catch {
      // the gap stays as it is
    }
    this.#list.changed();
  }

  /** @param {any[]} latest The latest messages. */
  async #refresh(latest) {
    let before = this.#messages.refresh(latest);
    for (let request = 0; before !== null && request < REQUESTS; request++) {
      const answer = await this.#client.history(this.#room, { before, limit: LIMIT });
      const same = answer.epoch === this.#messages.epoch;
      before = same ? this.#messages.refresh(answer.messages) : null;
    }
  }

  /**
   * Scroll to a message. Load it if necessary.
   *
   * @param {number} seq
   */
  async jump(seq) {
    const known = this.#messages.get(seq);
    if (known !== undefined) return this.#list.reveal(known);
    try {
      const which = { before: seq + PAGE / 2, limit: PAGE };
      const answer = await this.#client.history(this.#room, which);
      const stored = answer.messages.some((each) => each.seq === seq);
      const loaded = stored && this.#messages.around(answer);
      const found = this.#messages.get(seq);
      if (loaded && found !== undefined) this.#list.reveal(found);
      else this.#warn(phrase("reply.gone"));
    } catch (error) {
      this.#warn(explained(error));
    }
  }
}
