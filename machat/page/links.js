// @ts-check
/**
 * Links in messages: to rooms, and to addresses on the web. Each of these leads to the address that it
 * shows, or shows the host that it leads to.
 *
 * @module
 */

import { element } from "./dom.js";
import { highlighted } from "./mentions.js";
import { phrase } from "./texts.js";

/** A link without whitespace, without invisible and bidirectional control characters, and without
 * backslashes, which browsers treat as slashes. */
const LINK =
  /\bhttps?:\/\/[^\s<>\x22'\x60\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]{3,2000}/giu;

/** A host that ends at an invisible character or a backslash. */
const CUT = /^https?:\/\/[^/?#]*$/i;
const UNSEEN = /^[\\\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|^[^\s\P{Cc}]/u;

/** Punctuation at the end of a sentence, which is not part of a link. */
const TAIL = /[.,;:!?…*_~|]+$/u;

const PAIRS = { ")": "(", "]": "[", "}": "{" };

/** The authority of a URL, and the permitted characters of a host. They exclude characters that look like
 * the slash or the colon after a host. */
const AUTHORITY = /^https?:\/\/([^/?#]+)/i;
const HOST = /^(?:[\p{L}\p{M}\p{Nd}._-]+|\[[\da-f:.]+\])(?::\d+)?$/iu;

/** The name of a room after a number sign. It begins with a letter, unlike the number of an issue, and is not
 * a colour. */
const ROOM =
  /(?<![\p{L}\p{M}\p{Nd}_&#/.])#(?!(?:[\da-f]{3}){1,2}(?![\p{L}\p{Nd}_-]))(\p{L}[\p{L}\p{M}\p{Nd}_-]{0,62}[\p{L}\p{M}\p{Nd}])/giu;

/**
 * @typedef {object} Link
 * @property {string} href The target.
 * @property {string} text The text of the message.
 * @property {string} [host] The host of the target, if the text shows another one.
 */

/**
 * @param {string} text
 * @returns {(string | Link)[]} The parts of the text, in order.
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
 * @returns {Node[]} The text with clickable links, and with highlighted mentions of the user.
 */
export function linked(text) {
  return split(text).flatMap((piece) =>
    typeof piece === "string" ? withRooms(piece) : [shown(piece)],
  );
}

/** @param {string} text */
function withRooms(text) {
  const nodes = [];
  let end = 0;
  for (const { 0: whole, 1: room, index } of text.matchAll(ROOM)) {
    nodes.push(...highlighted(text.slice(end, index)));
    const href = `#${encodeURIComponent(room)}`; // the page joins the room in its address
    nodes.push(element("a", { href, title: phrase("rooms.to", { room }) }, whole));
    end = index + whole.length;
  }
  return [...nodes, ...highlighted(text.slice(end))];
}

/** @param {Link} link */
function shown({ href, text, host }) {
  const real = host === undefined ? [] : [element("span", { class: "host" }, ` [${host}]`)];
  const own = href.startsWith(new URL("#", location.href).href); // a room or a message of this chat
  const target = !own && "_blank";
  const attributes = { target, rel: "noopener noreferrer nofollow", dir: "ltr" };
  return element("a", { href, ...attributes, title: href }, text, ...real);
}

/**
 * @param {string} text
 * @returns {Link | null} `null` for an address that is not on the web or is misleading: with a user name
 *     before the host, or with a character in the host that looks like its end. If a host is numeric or
 *     not ASCII, the link shows its canonical form.
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
 * @returns {string} The link. A closing bracket at its end is removed if the link does not
 *     contain the opening bracket.
 */
function unpaired(link) {
  const open = PAIRS[/** @type {keyof typeof PAIRS} */ (link.slice(-1))];
  if (open === undefined) return link;
  const count = (/** @type {string} */ sign) => link.split(sign).length;
  return count(link.slice(-1)) > count(open) ? link.slice(0, -1) : link;
}
