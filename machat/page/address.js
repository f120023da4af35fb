// @ts-check
/**
 * The address of the page: `#ROOM`, or `#ROOM:SEQ` for a message. No name of a room contains a colon.
 *
 * @module
 */

import { key } from "./client.js";

const MESSAGE = /:(\d+)$/;

/**
 * @param {string} text The name of a room, as typed.
 * @returns {string} The name without the sign that precedes rooms in the tabs.
 */
export function roomNamed(text) {
  return text.trim().replace(/^[#\uff03]\s*/, "");
}

/**
 * @param {string} hash The hash of an address.
 * @returns {string} The name of the room in it, or an empty string.
 */
export function roomOf(hash) {
  try {
    return roomNamed(decodeURIComponent(hash.slice(1).replace(MESSAGE, "")));
  } catch {
    return "";
  }
}

/**
 * @param {string} room
 * @param {number} seq
 * @returns {string} The address of a message.
 */
export function linkTo(room, seq) {
  return new URL(`#${encodeURIComponent(room)}:${seq}`, location.href).href;
}

/** The message in the address of the page, until it is shown. */
export class AddressedMessage {
  #room = "";
  #seq = 0;

  constructor() {
    this.read();
  }

  /** @returns {string} The room in the address. */
  read() {
    const { hash } = location;
    this.#seq = Number(MESSAGE.exec(hash)?.[1] ?? 0);
    return (this.#room = roomOf(hash));
  }

  /** Scroll to the message if it is in this room. @param {import("./roomview.js").RoomView | null} room */
  show(room) {
    if (!this.#seq || room === null || key(room.name) !== key(this.#room)) return;
    room.jump(this.#seq);
    this.forget();
  }

  forget() {
    this.#seq = 0;
  }
}
