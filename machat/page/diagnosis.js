// @ts-check
/**
 * Why no WebSocket could be opened: browsers do not tell, but the server answers a plain request for
 * the same address.
 *
 * @module
 */

import { ChatError } from "./client.js";

/** How long to wait for the answer, milliseconds. */
const PATIENCE = 10_000;

/** The most characters of a reason that are shown. */
const LONGEST = 600;

/** After so many failures in a row, an answer that a WebSocket can be opened is not believed. */
const DOUBTFUL = 2;

/** Statuses that say nothing about the next attempt. */
const PASSING = [408, 425, 429];

/**
 * @param {URL} url The WebSocket's.
 * @param {number} failures How many attempts in a row have not opened one.
 * @returns {Promise<ChatError | undefined>} A reason that may not hold for the next attempt. Rejects
 *     with one that does: `refused` if somebody has to change something, else `unreachable`.
 */
export async function diagnose(url, failures) {
  const asked = new URL(url);
  asked.protocol = url.protocol === "wss:" ? "https:" : "http:";
  asked.searchParams.set("origin", location.origin);
  const answer = await ask(asked);
  const { status } = answer;
  const text = await words(answer);
  const known = answer.headers.get("X-Machat-Reason");
  if (status === 426 && known === null) {
    return failures < DOUBTFUL ? undefined : new ChatError("no-upgrade", text);
  }
  if (text && (status === 426 || status === 403 || status === 421)) {
    throw new ChatError("refused", text);
  }
  const told = `${status} ${answer.statusText}`.trim();
  if (status >= 500 || PASSING.includes(status)) {
    throw new ChatError("unreachable", `the server cannot be reached at the moment (${told})`);
  }
  throw new ChatError("refused", `there is no MaChat server at ${url.pathname} (${told})`);
}

/** @param {URL} url */
async function ask(url) {
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    return await fetch(url, { cache: "no-store", credentials: "omit", signal });
  } catch {
    throw new ChatError("unreachable", "the server cannot be reached");
  }
}

/**
 * @param {Response} answer
 * @returns {Promise<string>} What it says to a person, if that comes from MaChat.
 */
async function words(answer) {
  if (!/^text\/plain\b/.test(answer.headers.get("Content-Type") ?? "")) return "";
  const text = await answer.text().catch(() => "");
  return text.trim().slice(0, LONGEST);
}
