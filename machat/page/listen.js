// @ts-check
/**
 * The reactions of the page to the events of its client.
 *
 * @module
 */

import { EVENTS } from "./roomview.js";

/**
 * @typedef {object} Page
 * @property {() => import("./client.js").Client | null} client Returns the current client. The events of
 *     earlier ones are ignored.
 * @property {(event: {room: string}) => import("./roomview.js").RoomView | undefined} room Returns the room
 *     of an event.
 * @property {(joined: any) => void} joined
 * @property {(event: any) => void} conversations
 * @property {(state: import("./connection.js").State) => void} state
 */

/**
 * @param {import("./client.js").Client} client
 * @param {Page} page
 */
export function listen(client, page) {
  const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ react) =>
    client.addEventListener(type, (event) => {
      if (client === page.client()) react(/** @type {CustomEvent} */ (event).detail);
    });
  for (const type of EVENTS) {
    on(type, (detail) => page.room(detail)?.[type](detail));
  }
  for (const type of ["edited", "redacted", "reacted"]) {
    on(type, (detail) => page.room(detail)?.change(detail));
  }
  on("joined", page.joined);
  on("conversations", page.conversations);
  on("state", page.state);
}
