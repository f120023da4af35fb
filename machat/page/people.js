// @ts-check
/**
 * The other users, for a user with an account: direct conversations with them, and blocks.
 *
 * @module
 */

import { ask } from "./ask.js";
import { ChatError, conversation, key, partner } from "./client.js";
import { phrase } from "./texts.js";

/** @typedef {import("./client.js").Client} Client */

export class People extends EventTarget {
  /** Whether the user has an account. */
  account = false;
  /** The names of the rooms of the user's conversations, the latest first. @type {string[]} */
  conversations = [];
  /** The blocked names. @type {Map<string, string>} */
  #blocked = new Map();
  #client;
  #open;

  /**
   * @param {() => Client | null} client
   * @param {(name: string) => void} open Opens the conversation with a user.
   */
  constructor(client, open) {
    super();
    this.#client = client;
    this.#open = open;
  }

  /**
   * Forget another user's data, because a client was made.
   *
   * @param {boolean} account Whether its user has an account.
   */
  begin(account) {
    this.account = account;
    this.conversations = [];
    this.#blocked.clear();
  }

  /** @param {import("./client.js").Conversations} event */
  known({ rooms, blocked = [] }) {
    this.conversations = rooms;
    this.#blocked = new Map(blocked.map((name) => [key(name), name]));
    this.#changed();
  }

  /** @param {string} name */
  blocks(name) {
    return this.#blocked.has(key(name));
  }

  /**
   * @param {string} name
   * @returns {string} The name of the room of the conversation.
   * @throws {ChatError} The user has no account, or the name is not valid.
   */
  roomOf(name) {
    return conversation(this.#require().name, name);
  }

  /**
   * @param {string} name A user.
   * @param {string} room The room in which the menu is.
   * @returns {import("./menu.js").Entry[]} The actions on the user.
   */
  entries(name, room) {
    const own = this.#client()?.name;
    if (!this.account || own === undefined || key(name) === key(own)) return [];
    const open = {
      label: phrase("direct.open", { name }),
      act: () => this.#open(name),
    };
    const block = this.blocks(name)
      ? { label: phrase("direct.unblock", { name }), act: () => this.askUnblock(name) }
      : { label: phrase("direct.block", { name }), act: () => this.askBlock(name), danger: true };
    return partner(room, own) === null ? [open, block] : [block];
  }

  /** Ask whether to block a user, and state the consequences. @param {string} name */
  askBlock(name) {
    ask({
      title: phrase("direct.blockTitle", { name }),
      text: phrase("direct.blockText", { name }),
      fields: [],
      submit: phrase("direct.blockSubmit"),
      danger: true,
      submitted: () => this.block(name),
    });
  }

  /** @param {string} name */
  askUnblock(name) {
    ask({
      title: phrase("direct.unblockTitle", { name }),
      text: phrase("direct.unblockText", { name }),
      fields: [],
      submit: phrase("direct.unblockSubmit"),
      submitted: () => this.block(name, false),
    });
  }

  /**
   * @param {string} name
   * @param {boolean} [blocked]
   */
  async block(name, blocked = true) {
    await this.#require().block(name, blocked);
    if (blocked) this.#blocked.set(key(name), name);
    else this.#blocked.delete(key(name));
    this.#changed();
  }

  #require() {
    const client = this.#client();
    if (!this.account || client === null)
      throw new ChatError("no-account", phrase("direct.noAccount"));
    return client;
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}
