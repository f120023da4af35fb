// @ts-check
/**
 * The messages that are not known to be stored by the server, as the page keeps them across a reload.
 *
 * A message that may have been sent is sent again with the same id, so that the server does not store it
 * twice, as long as the server knows the id; the client refuses it later. The time at which it was first
 * sent is known exactly when the page is unloaded. Before that, the time at which it was typed is
 * stored instead, because the page may end without being unloaded.
 *
 * @module
 */

/** The maximum number of stored messages of all rooms, and of their characters. */
const MESSAGES = 100;
const CHARACTERS = 200_000;

/**
 * @typedef {object} Unsent
 * @property {string} text
 * @property {number} at The time at which it was typed.
 * @property {number} [reply] The number of the message that it answers.
 * @property {string} [id] The id under which it is sent.
 * @property {number | null} [sent] The time at which it was first sent, if it was.
 * @property {string} [error] The reason of a refusal.
 * @property {string} [code] The code of the refusal.
 *
 * @typedef {import("./pending.js").Pending} Pending
 */

const PREFIX = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join(
  "",
);
let count = 0;

/** @returns {string} A unique id for a message. */
export function newId() {
  return `${PREFIX}.${++count}`;
}

/**
 * @param {Pending[]} list
 * @param {(id: string) => number | null} sentAt Returns the time at which a message was first sent.
 * @param {boolean} unloads Whether the page is being unloaded.
 * @returns {Unsent[]} The data to store for the messages of a room.
 */
export function unsent(list, sentAt, unloads) {
  return list
    .filter(({ seq }) => seq === null)
    .map(({ text, at, reply, id = "", error, code, ...pending }) => {
      if (error !== null) return { text, at, reply, error, code };
      const sent = sentAt(id) ?? pending.sent ?? (unloads ? null : at);
      return { text, at, reply, id, sent };
    });
}

/**
 * @param {Record<string, Unsent[]>} rooms
 * @returns {Record<string, Unsent[]>} As many of the messages as are stored.
 */
export function bounded(rooms) {
  let messages = 0;
  let characters = 0;
  const kept = Object.entries(rooms).map(([room, list]) => {
    const some = list.filter(({ text }) => {
      const fits = messages < MESSAGES && characters + text.length <= CHARACTERS;
      if (fits) (messages++, (characters += text.length));
      return fits;
    });
    return /** @type {[string, Unsent[]]} */ ([room, some]);
  });
  return Object.fromEntries(kept.filter(([, list]) => list.length > 0));
}

/**
 * @param {any} stored
 * @returns {Record<string, Unsent[]>} The stored messages that are valid.
 */
export function valid(stored) {
  const rooms = Object.entries(stored ?? {}).filter(([, list]) => Array.isArray(list));
  const text = (/** @type {unknown} */ each) => typeof each === "string";
  const isValid = (/** @type {any} */ each) =>
    text(each?.text) && Number.isFinite(each.at) && (text(each.error) || text(each.id));
  return Object.fromEntries(rooms.map(([room, list]) => [room, list.filter(isValid)]));
}
