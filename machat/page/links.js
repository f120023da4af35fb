// @ts-check
/**
 * Links in what people say: each leads where it seems to, or says where it leads.
 *
 * @module
 */

import { element } from "./dom.js";

/** What may be in a link: nothing that is white, invisible, or turns the direction of reading, and no
 * backslash, which browsers take for a slash. */
const LINK = /\bhttps?:\/\/[^\s<>"'`\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]{3,2000}/giu;

/** A host that is cut short by something that cannot be seen, or by a backslash. */
const CUT = /^https?:\/\/[^/?#]*$/i;
const UNSEEN = /^[\\\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|^[^\s\P{Cc}]/u;

/** What ends a sentence, not a link. */
const TAIL = /[.,;:!?…*_~|]+$/u;

const PAIRS = { ")": "(", "]": "[", "}": "{" };

/** What stands before the path, and what a host may be made of: nothing that looks like the slash or
 * the colon behind a host. */
const AUTHORITY = /^https?:\/\/([^/?#]+)/i;
const HOST = /^(?:[\p{L}\p{M}\p{Nd}._-]+|\[[\da-f:.]+\])(?::\d+)?$/iu;

/**
 * @typedef {object} Link
 * @property {string} href Where it leads.
 * @property {string} text What was written.
 * @property {string} [host] The host to which it leads, if that is not what was written.
 */

/**
 * @param {string} text
 * @returns {(string | Link)[]} Its pieces, in order; together they are the text.
 */
export function split(text) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const after = text.slice(match.index + match[0].length);
    const link = CUT.test(match[0]) && UNSEEN.test(after) ? null : address(trimmed(match[0]));
    if (link !== null) {
      if (match.index > end) pieces.push(text.slice(end, match.index));
      pieces.push(link);
      end = match.index + link.text.length;
    }
  }
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}

/**
 * @param {string} text
 * @returns {Node[]} The text, with links that can be followed.
 */
export function linked(text) {
  return split(text).map((piece) =>
    typeof piece === "string" ? document.createTextNode(piece) : shown(piece),
  );
}

/** @param {Link} link */
function shown({ href, text, host }) {
  const real = host === undefined ? [] : [element("span", { class: "host" }, ` [${host}]`)];
  const attributes = { target: "_blank", rel: "noopener noreferrer nofollow", dir: "ltr" };
  return element("a", { href, ...attributes, title: href }, text, ...real);
}

/**
 * @param {string} text
 * @returns {Link | null} Nothing if it does not lead to the web, or could be taken to lead elsewhere:
 *     somebody's name before the host, or a sign in the host that looks like its end. A host in other
 *     letters than ASCII, or in numbers, is told as what it really is.
 */
function address(text) {
  const authority = AUTHORITY.exec(text)?.[1] ?? "";
  if (!HOST.test(authority) || !URL.canParse(text)) return null;
  const { protocol, host, port, href } = new URL(text);
  if (!/^https?:$/.test(protocol)) return null;
  const written = authority.toLowerCase().replace(port ? "" : /:\d+$/, "");
  return written === host ? { href, text } : { href, text, host };
}

/** @param {string} link */
function trimmed(link) {
  for (;;) {
    const shorter = unpaired(link.replace(TAIL, ""));
    if (shorter === link) return link;
    link = shorter;
  }
}

/**
 * @param {string} link
 * @returns {string} Without a bracket at the end that was opened before it.
 */
function unpaired(link) {
  const open = PAIRS[/** @type {keyof typeof PAIRS} */ (link.slice(-1))];
  if (open === undefined) return link;
  const count = (/** @type {string} */ sign) => link.split(sign).length;
  return count(link.slice(-1)) > count(open) ? link.slice(0, -1) : link;
}
