// The chat of the application: one client for all views, from the login to the logout.

import { Client } from "machat-client";

/** @type {Client | undefined} */
let client;

/**
 * Connect. The client stays connected, and in its rooms, while the user changes the view.
 *
 * @param {string} url
 * @param {import("machat-client").Options} options
 */
export function logIn(url, options) {
  logOut();
  client = new Client(url, options);
  client.open();
  return client;
}

/** Disconnect. */
export function logOut() {
  client?.close();
  client = undefined;
}

/**
 * Show a room in a view, from its last messages on.
 *
 * @param {string} room
 * @param {(message: import("machat-client").Message) => void} show Called with each message, in order.
 * @param {AbortSignal} signal Ends the view. The client stays in the room.
 * @returns {Promise<(text: string) => Promise<unknown>>} A function that sends a message.
 */
export async function enter(room, show, signal) {
  const current = client;
  if (current === undefined) throw new Error("not logged in");
  /** @type {import("machat-client").Message[]} */
  const early = []; // arrive during the request
  const wait = ({ detail }) => early.push(detail);
  current.addEventListener("message", wait, { signal });
  const joined = await current.join(room);
  const { seq, messages } = await current.history(room, { limit: 50 });
  current.removeEventListener("message", wait);
  if (!signal.aborted) {
    const showOwn = (message) => message.room === joined.room && show(message);
    messages.forEach(showOwn);
    early.filter((message) => message.seq > seq).forEach(showOwn);
    current.addEventListener("message", ({ detail }) => showOwn(detail), { signal });
  }
  return (text) => current.say(room, text);
}
