// @ts-check
/**
 * The diagnosis of WebSockets that could not be opened. Browsers do not report the reason, but the
 * server explains it in the response to an HTTP request for the same address.
 *
 * @module
 */

import { ChatError } from "./client.js";
import { phrase } from "./texts.js";

/** The timeout of the request, milliseconds. */
const TIMEOUT = 10_000;

/** The maximum length of a reason, characters. */
const LONGEST = 600;

/** After this number of failures in a row, a response without a reason is reported as a failure too. */
const DOUBTFUL = 2;

/** The 4xx status codes of temporary failures. */
const TEMPORARY = [408, 425, 429];

/**
 * @param {URL} url The URL of the WebSocket.
 * @param {number} failures The number of failed attempts in a row.
 * @returns {Promise<ChatError | undefined>} Undefined or a `no-upgrade` error if the next attempt may
 *     succeed. Otherwise rejected: with `refused` if a person has to change something, else with
 *     `unreachable`.
 */
export async function diagnose(url, failures) {
  const asked = new URL(url);
  asked.protocol = url.protocol === "wss:" ? "https:" : "http:";
  asked.searchParams.set("origin", location.origin);
  const answer = await ask(asked);
  const { status } = answer;
  const text = await textOf(answer);
  const known = answer.headers.get("X-Machat-Reason");
  if (status === 426 && known === null) {
    return failures < DOUBTFUL ? undefined : new ChatError("no-upgrade", text);
  }
  if (text && (status === 426 || status === 403 || status === 421)) {
    throw new ChatError("refused", text);
  }
  const told = `${status} ${answer.statusText}`.trim();
  if (status >= 500 || TEMPORARY.includes(status)) {
    throw new ChatError("unreachable", phrase("diagnosis.temporary", { status: told }));
  }
  throw new ChatError("refused", phrase("diagnosis.nothing", { path: url.pathname, status: told }));
}

/** @param {URL} url */
async function ask(url) {
  const signal = AbortSignal.timeout(TIMEOUT);
  try {
    return await fetch(url, { cache: "no-store", credentials: "omit", signal });
  } catch {
    throw new ChatError("unreachable", phrase("diagnosis.unreachable"));
  }
}

/**
 * @param {Response} answer
 * @returns {Promise<string>} The text of a response from MaChat, otherwise an empty string.
 */
async function textOf(answer) {
  if (!/^text\/plain\b/.test(answer.headers.get("Content-Type") ?? "")) return "";
  const text = await answer.text().catch(() => "");
  return text.trim().slice(0, LONGEST);
}
