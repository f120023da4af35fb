// @ts-check
/**
 * Rooms that need a key: the page asks for it, and keeps it only in memory.
 *
 * @module
 */

import { ask } from "./ask.js";
import { phrase } from "./texts.js";

/** @typedef {import("./client.js").Client} Client */

/**
 * Join a room, and ask for its key if it needs one.
 *
 * @param {Client} client
 * @param {string} room
 * @param {number} history
 * @returns {Promise<import("./client.js").Joined>} Rejected with the refusal of the server if the user
 *     gives no key.
 */
export async function joinWithKey(client, room, history) {
  try {
    return await client.join(room, { history });
  } catch (error) {
    if (/** @type {any} */ (error).code !== "bad-key") throw error;
    return await askKey(client, room, history, error);
  }
}

/**
 * @param {Client} client
 * @param {string} room
 * @param {number} history
 * @param {unknown} error
 * @returns {Promise<import("./client.js").Joined>}
 */
function askKey(client, room, history, error) {
  return new Promise((resolve, reject) => {
    ask({
      title: phrase("rooms.keyTitle", { room }),
      fields: [{ name: "key", label: phrase("rooms.key"), most: 128, required: true }],
      submit: phrase("signin.join"),
      submitted: async ({ key }) => resolve(await client.join(room, { history, key })),
      closed: () => reject(error),
    });
  });
}
