// @ts-check
/**
 * The title and the icon of the document: the mentions, the unread messages, and the selected room.
 *
 * @module
 */

import { phrase } from "./texts.js";

/**
 * @param {{unread: number, mentions: number}[]} rooms
 * @param {string | undefined} name The name of the selected room, as it is shown.
 */
export function showTitle(rooms, name) {
  const sum = (/** @type {"unread" | "mentions"} */ which) =>
    rooms.reduce((total, room) => total + room[which], 0);
  const [mentions, unread] = [sum("mentions"), sum("unread")];
  const counts = [...(mentions ? [`@${mentions}`] : []), ...(unread ? [String(unread)] : [])];
  const badge = counts.length > 0 ? `(${counts.join(", ")}) ` : "";
  const title = name === undefined ? phrase("app.name") : phrase("app.title", { room: name });
  document.title = badge + title;
  const icon = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=icon]"));
  const shown = mentions ? "icon-mention.svg" : unread ? "icon-unread.svg" : "icon.svg";
  if (icon.getAttribute("href") !== shown) icon.setAttribute("href", shown);
}
