// @ts-check
/**
 * The names of members, of rooms, and of the direct conversations of two users.
 *
 * @module
 */

import { ChatError } from "./membership.js";

/** For a character class: the signs that a name may contain, and all its characters. */
export const SIGNS = "_.\\[\\]{}|^~'\\-";
export const CHARACTERS = `\\p{L}\\p{M}\\p{Nd}${SIGNS}`;

/** A member's name. The server's own check may refuse a few more names. */
const NAME = new RegExp(`^[${CHARACTERS}]{1,32}$`, "u");

/**
 * @param {string} name The name of a member or a room.
 * @returns {string} The key for the comparison of names. The server's own comparison may treat a few
 *     more names as equal, never fewer.
 */
export function key(name) {
  return name.normalize("NFKC").toLowerCase().normalize("NFKC");
}

/**
 * @param {string} own The name of a user.
 * @param {string} other The name of another user.
 * @returns {string} The name of the room of their direct conversation.
 * @throws {ChatError} `bad-name`: the other name is not valid, or is the user's own.
 */
export function conversation(own, other) {
  const name = other.normalize("NFC");
  if (!NAME.test(name)) throw new ChatError("bad-name", `not a name: ${JSON.stringify(other)}`);
  if (key(name) === key(own)) throw new ChatError("bad-name", "that is your own name");
  return `@${[own, name].sort((a, b) => (key(a) < key(b) ? -1 : 1)).join(",")}`;
}

/**
 * @param {string} room The name of a room.
 * @param {string} own The name of a user.
 * @returns {string | null} If the room is a direct conversation of the user, the name of the other user.
 */
export function partner(room, own) {
  const names = room.startsWith("@") ? room.slice(1).split(",") : [];
  if (names.length !== 2) return null;
  return key(names[0]) === key(own) ? names[1] : names[0];
}
