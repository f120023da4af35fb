// @ts-check
/**
 * The execution of slash commands.
 *
 * @module
 */

import { SearchDialog } from "./searchdialog.js";
import { named } from "./slash.js";
import { phrase } from "./texts.js";
import { soon } from "./times.js";

/** The texts for the kinds of mutes and bans. @type {Record<string, import("./texts.js").Key>} */
const KINDS = { mute: "command.mute", ban: "command.ban", address: "command.address" };

/**
 * @typedef {object} Actions
 * @property {(room: string) => Promise<unknown>} join Join another room.
 * @property {() => void} leave Leave this room.
 * @property {() => void} quit Leave all rooms.
 * @property {(name: string, text?: string) => Promise<unknown>} direct Open a direct conversation, and send
 *     a message.
 * @property {import("./people.js").People} people The other users.
 * @property {(seq: number) => void} jump Scroll to a message.
 * @property {(text: string) => void} note Show a text among the messages.
 */

export class Commands {
  #client;
  #room;
  #actions;

  /**
   * @param {import("./client.js").Client} client
   * @param {string} room The current room.
   * @param {Actions} actions
   */
  constructor(client, room, actions) {
    this.#client = client;
    this.#room = room;
    this.#actions = actions;
  }

  /**
   * @param {{name: string, rest: string, fields?: object}} command See {@link read}.
   * @returns {Promise<unknown>} Rejected if the command is refused.
   */
  async run({ name, rest, fields }) {
    if (fields !== undefined) return this.#client.moderate(this.#room, name, fields);
    if (name === "join") return this.#actions.join(rest);
    if (name === "who") return this.#who();
    if (name === "search") return this.search(rest);
    if (name === "bans") return this.#bans();
    if (name === "msg") return this.#direct(rest);
    if (name === "block" || name === "unblock") return this.#block(rest, name === "block");
    if (name === "leave") this.#actions.leave();
    else if (name === "quit") this.#actions.quit();
    else this.#actions.note(phrase("command.help"));
  }

  /** @param {string} rest */
  #direct(rest) {
    const { name = "", text } = named(rest, "text");
    return this.#actions.direct(name, text);
  }

  /**
   * @param {string} name
   * @param {boolean} blocked
   */
  async #block(name, blocked) {
    await this.#actions.people.block(name, blocked);
    this.#actions.note(phrase(blocked ? "direct.blocked" : "direct.unblocked", { name }));
  }

  /** Show the stored messages with these words. @param {string} words */
  search(words) {
    const { jump } = this.#actions;
    new SearchDialog(this.#client, this.#room, words, jump).search();
  }

  async #bans() {
    const { sanctions } = await this.#client.sanctions(this.#room);
    const lines = sanctions.map(({ kind, name, until, by }) => {
      const whom = name ?? phrase("command.anAddress");
      const moderator = by ?? phrase("command.operator");
      return phrase(KINDS[kind] ?? "command.ban", { name: whom, time: soon(until), moderator });
    });
    this.#actions.note(lines.join("\n") || phrase("command.noSanctions"));
  }

  async #who() {
    const { count, members } = await this.#client.who(this.#room);
    const more = count - members.length;
    const key = more > 0 ? "command.whoMore" : "command.who";
    this.#actions.note(phrase(key, { count, names: members.join(", "), more }));
  }
}
