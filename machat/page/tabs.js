// @ts-check
/**
 * The tabs of the rooms, after the tabs pattern of the ARIA Authoring Practices Guide: the arrow keys,
 * Home and End select another room. Buttons at both ends lead to unread rooms outside the visible part.
 *
 * @module
 */

import { element, spoken } from "./dom.js";
import { phrase } from "./texts.js";

/** @typedef {import("./roomview.js").RoomView} RoomView */

/** The number of tabs by which a key moves. @type {Record<string, number>} */
const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -1e9, End: 1e9 };

/** The width from which the tabs are arranged vertically. Also in style.css. */
const BESIDE = matchMedia("(min-width: 45rem)");

export class Tabs {
  /** @type {RoomView | null} */
  current = null;
  #list;
  #turned;
  /** @type {Map<RoomView, HTMLElement>} */
  #tabs = new Map();
  #frame = 0;
  #before = this.#hint("before");
  #after = this.#hint("after");

  /**
   * @param {HTMLElement} list
   * @param {() => void} turned Called when another room is selected.
   */
  constructor(list, turned) {
    this.#list = list;
    this.#turned = turned;
    list.addEventListener("keydown", (event) => this.#keyed(event));
    const orient = () =>
      list.setAttribute("aria-orientation", BESIDE.matches ? "vertical" : "horizontal");
    BESIDE.addEventListener("change", orient);
    orient();
    list.before(this.#before);
    list.after(this.#after);
    list.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.#look()).observe(list);
  }

  /** @returns {RoomView[]} */
  get rooms() {
    return [...this.#tabs.keys()];
  }

  /** @param {RoomView} room */
  add(room) {
    const tab = element("button", {
      type: "button",
      role: "tab",
      class: "tab",
      id: `${room.id}-tab`,
      "aria-controls": room.id,
      click: () => this.#clicked(room),
    });
    this.#tabs.set(room, tab);
    this.#list.append(tab);
    this.show(room);
  }

  /** @param {RoomView} room */
  remove(room) {
    const { rooms } = this;
    const next = rooms[rooms.indexOf(room) + 1] ?? rooms[rooms.indexOf(room) - 1] ?? null;
    this.#tabs.get(room)?.remove();
    this.#tabs.delete(room);
    room.close();
    if (this.current === room) {
      this.current = null;
      if (next !== null) this.turn(next);
    }
    this.#look();
  }

  /** @param {RoomView} room */
  turn(room) {
    if (this.current === room) return;
    if (this.current !== null) this.current.visible = false;
    this.current = room;
    room.visible = true;
    for (const each of this.rooms) this.show(each);
    this.#tabs.get(room)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#turned();
  }

  /**
   * Select the room before or after the current one, and focus it.
   *
   * @param {number} by
   */
  move(by) {
    const { rooms } = this;
    if (this.current === null) return;
    const at = rooms.indexOf(this.current) + by;
    this.turn(rooms[(at + rooms.length) % rooms.length]);
    this.current.focus();
  }

  /**
   * Update the tab of a room.
   *
   * @param {RoomView} room
   */
  show(room) {
    const tab = this.#tabs.get(room);
    if (tab === undefined) return;
    const selected = room === this.current;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    const name = element("bdi", { class: "name" }, room.label);
    tab.classList.toggle("direct", room.direct);
    const kind = room.direct ? [spoken(phrase("direct.tab"))] : [];
    tab.replaceChildren(name, ...kind, ...counts(room));
    this.#look();
  }

  /** @param {RoomView} room */
  #clicked(room) {
    this.turn(room);
    room.focusGently();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const move = MOVES[event.key];
    if (move === undefined || this.current === null) return;
    event.preventDefault();
    const { rooms } = this;
    const at = rooms.indexOf(this.current) + move;
    const last = rooms.length - 1;
    const around =
      Math.abs(move) > 1 ? Math.min(Math.max(at, 0), last) : (at + rooms.length) % rooms.length;
    this.turn(rooms[around]);
    this.#tabs.get(rooms[around])?.focus();
  }

  // Unread rooms outside the visible part.

  /** @param {"before" | "after"} side */
  #hint(side) {
    const click = () => this.#lead(side);
    return element("button", { type: "button", class: `hint ${side}`, hidden: true, click });
  }

  /** Update the buttons with the next frame. */
  #look() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const { before, after } = this.#outside();
      for (const [hint, rooms] of /** @type {const} */ ([
        [this.#before, before],
        [this.#after, after],
      ])) {
        hint.hidden = rooms.length === 0;
        hint.textContent = String(rooms.length);
        hint.setAttribute("aria-label", phrase("rooms.more", { count: rooms.length }));
      }
    });
  }

  #outside() {
    const side = BESIDE.matches
      ? /** @type {const} */ (["top", "bottom"])
      : /** @type {const} */ (["left", "right"]);
    const [start, end] = side;
    const list = this.#list.getBoundingClientRect();
    /** @type {{before: HTMLElement[], after: HTMLElement[]}} */
    const outside = { before: [], after: [] };
    for (const [room, tab] of this.#tabs) {
      if (room.unread === 0) continue;
      const place = tab.getBoundingClientRect();
      const middle = (place[start] + place[end]) / 2;
      if (middle < list[start]) outside.before.push(tab);
      else if (middle > list[end]) outside.after.push(tab);
    }
    return outside;
  }

  /** @param {"before" | "after"} side */
  #lead(side) {
    const rooms = this.#outside()[side];
    const tab = side === "before" ? rooms[rooms.length - 1] : rooms[0];
    tab?.scrollIntoView({ block: "center", inline: "center" });
    this.#look();
  }
}

/**
 * @param {number} count
 * @param {boolean} [more] Whether there may be more than these.
 */
function short(count, more = false) {
  if (count > 99) return "99+";
  return more ? `${count}+` : String(count);
}

/** @param {RoomView} room */
function counts({ unread, mentions, more, direct }) {
  const shown = [];
  if (mentions > 0 && !direct) {
    const badge = { class: "count mentions", "aria-hidden": "true" };
    shown.push(element("span", badge, `@${short(mentions)}`));
    shown.push(spoken(phrase("rooms.mentions", { count: mentions })), " ");
  }
  if (unread > 0) {
    const badge = element("span", { class: "count", "aria-hidden": "true" }, short(unread, more));
    badge.classList.toggle("mentions", direct);
    shown.push(badge);
    const words = more ? "rooms.unreadMore" : "rooms.unread";
    shown.push(spoken(phrase(words, { count: unread })));
  }
  return shown;
}
