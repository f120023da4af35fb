// @ts-check
/**
 * Links in what people say: only where they lead where they seem to.
 *
 * @module
 */

import { element } from "./dom.js";

/** What may be in a link: nothing that is white, invisible, or turns the direction of reading. */
const LINK = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]{3,2000}/giu;

/** What ends a sentence, not a link. */
const TAIL = /[.,;:!?…*_~|]+$/u;

const PAIRS = { ")": "(", "]": "[", "}": "{" };

/**
 * @param {string} text
 * @returns {(string | {href: string, text: string})[]} Its pieces, in order; together they are the
 *     text.
 */
export function split(text) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const shown = trimmed(match[0]);
    const href = address(shown);
    if (href !== null) {
      if (match.index > end) pieces.push(text.slice(end, match.index));
      pieces.push({ href, text: shown });
      end = match.index + shown.length;
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
    typeof piece === "string"
      ? document.createTextNode(piece)
      : element(
          "a",
          {
            href: piece.href,
            target: "_blank",
            rel: "noopener noreferrer nofollow",
            title: piece.href,
          },
          piece.text,
        ),
  );
}

/**
 * @param {string} text
 * @returns {string | null} Where it leads, if that is the web, and nobody's name stands before the
 *     host to be taken for it.
 */
function address(text) {
  try {
    const { protocol, username, password, href } = new URL(text);
    return /^https?:$/.test(protocol) && !username && !password ? href : null;
  } catch {
    return null;
  }
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
