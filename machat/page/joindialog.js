// @ts-check
/**
 * The dialog for joining a room, with the list of rooms.
 *
 * @module
 */

import { FieldDialog } from "./dialog.js";
import { byId } from "./dom.js";
import { joinWithKey } from "./keys.js";
import { RoomList } from "./roomlist.js";
import { roomNamed } from "./signin.js";
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

  /** Join or select a room. @param {string} typed */
  async join(typed) {
    const name = roomNamed(typed);
    if (this.#options.has(name)) return this.#options.show(name);
    const client = this.#options.client();
    if (client === null) return;
    const joining = joinWithKey(client, name, HISTORY);
    this.progress();
    this.#options.show((await joining).room);
  }

  /** @param {string} typed */
  #cancel(typed) {
    const name = roomNamed(typed);
    if (!this.#options.has(name)) this.#options.client()?.leave(name);
  }
}
