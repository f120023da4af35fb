// @ts-check
/**
 * The dialog for joining a room, with the list of rooms.
 *
 * @module
 */

import { roomNamed } from "./address.js";
import { conversation } from "./client.js";
import { FieldDialog } from "./dialog.js";
import { byId } from "./dom.js";
import { joinWithKey } from "./keys.js";
import { RoomList } from "./roomlist.js";
import { phrase } from "./texts.js";

/** The number of a room's messages to show on the first join. */
export const HISTORY = 50;

/**
 * @typedef {object} Options
 * @property {() => import("./client.js").Client | null} client
 * @property {(room: string) => boolean} has Returns whether the page shows the room.
 * @property {(room: string) => void} show Selects a room.
 * @property {() => void} done Called when a room was joined.
 * @property {() => void} closed Called whenever the dialog closes.
 */

export class JoinDialog {
  #options;
  #dialog;
  #list;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#dialog = new FieldDialog("join", {
      submitted: (room) => this.join(room),
      cancelled: (room) => this.#cancel(room),
      done: options.done,
      closed: options.closed,
    });
    this.#list = new RoomList(/** @type {HTMLDialogElement} */ (byId("join")), {
      request: async (prefix, limit) =>
        (await options.client()?.listRooms({ prefix, limit })) ?? { rooms: [], more: false },
      chosen: (room) => this.#dialog.submit(room),
    });
  }

  open() {
    this.#dialog.open();
    this.#list.load();
  }

  /** Open the dialog, and join a room. @param {string} room */
  submit(room) {
    this.#dialog.submit(room);
  }

  /** Show whether the connection is missing. */
  progress() {
    const waits = this.#options.client()?.state.state !== "online";
    this.#dialog.progress(waits ? phrase("rooms.wait") : "");
  }

  /**
   * Join or select a room.
   *
   * @param {string} typed
   * @returns {Promise<string>} The name of the room.
   */
  async join(typed) {
    const name = this.#named(typed);
    const client = this.#options.client();
    if (client === null || this.#options.has(name)) {
      this.#options.show(name);
      return name;
    }
    const joining = joinWithKey(client, name, HISTORY);
    this.progress();
    const { room } = await joining;
    this.#options.show(room);
    return room;
  }

  /**
   * @param {string} typed The name of a room, or `@` and the name of a user.
   * @returns {string} The name of the room.
   */
  #named(typed) {
    const name = roomNamed(typed);
    const own = this.#options.client()?.name ?? "";
    return /^@[^,]+$/.test(name) ? conversation(own, name.slice(1)) : name;
  }

  /** @param {string} typed */
  #cancel(typed) {
    const name = this.#named(typed);
    if (!this.#options.has(name)) this.#options.client()?.leave(name);
  }
}
