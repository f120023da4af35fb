// @ts-check
/**
 * The client of the page, and the user that a token names.
 *
 * @module
 */

import { Client } from "./client.js";
import { diagnose } from "./diagnosis.js";
import { phrase } from "./texts.js";

/** @returns {URL} The address of the WebSocket, relative to the page. */
function chatUrl() {
  const url = new URL("mychat", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

/**
 * @param {string} url
 * @returns {WebSocket} The WebSocket that `early.js` has opened, at the first call, or a new one.
 */
function openSocket(url) {
  const { early } = /** @type {{early?: {socket?: WebSocket}}} */ (globalThis);
  const socket = early?.socket;
  if (socket === undefined || socket.readyState > WebSocket.OPEN) return new WebSocket(url);
  delete early?.socket;
  if (socket.readyState === WebSocket.OPEN) setTimeout(() => socket.onopen?.(new Event("open")));
  return socket;
}

/** A class whose instances are those of {@link openSocket}. */
const EarlySocket = /** @type {any} */ (
  function (/** @type {string} */ url) {
    return openSocket(url);
  }
);

/**
 * @param {{name: string, credentials: () => any, session?: string}} options See {@link Client}.
 * @returns {Client} A client of the server of this page.
 */
export function newClient(options) {
  const url = chatUrl();
  const check = (/** @type {number} */ failures) => diagnose(url, failures);
  return new Client(url, { ...options, check, WebSocket: EarlySocket });
}

/**
 * @param {import("./tokens.js").TokenEndpoint | null} tokens
 * @param {import("./signin.js").SignIn} signIn Shows the progress, the name, or a refusal.
 * @returns {Promise<string | null>} The name of the user of the token, if there is one.
 */
export async function identify(tokens, signIn) {
  if (tokens === null) return null;
  signIn.say(phrase("connection.progress"));
  try {
    const { name } = await tokens.request();
    signIn.name = name;
    signIn.say("");
    return name;
  } catch (error) {
    signIn.refuse(/** @type {import("./client.js").ChatError} */ (error));
    return null;
  }
}
