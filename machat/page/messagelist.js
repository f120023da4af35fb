// @ts-check
/**
 * The virtual list of a room's messages. Only the messages near the visible part have elements. At the
 * end, the list follows new messages; elsewhere it keeps its position, even while it is hidden. If there
 * are unread messages, it opens at the first of them.
 *
 * @module
 */

import { element } from "./dom.js";
import { MessageFocus } from "./messagefocus.js";
import { look, show, signature } from "./messageview.js";

/** @typedef {import("./messages.js").Item} Item */
/** @typedef {import("./loader.js").Loader} Loader */

/** WINDOW: the maximum number of items with elements. STEP: the number of items by which the window moves.
 * NEAR: the distance from an end of the window at which it moves, pixels. THERE: the distance from the
 * end of the list that counts as the end, pixels. */
const WINDOW = 160;
const STEP = 60;
const NEAR = 800;
const THERE = 40;

/** The height of the read messages that are visible above the first new message, pixels. */
const CONTEXT = 48;

export class MessageList {
  #messages;
  #actions;
  #focus;
  #older;
  #newer;
  /** The window: the index of its first item, and the index after its last item. */
  #start = 0;
  #end = 0;
  /** The start of the window when it was rendered. */
  #shownFrom = 0;
  /** Whether the window contained the last item when it was rendered. */
  #last = true;
  /** Whether the list follows its end. */
  #sticks = true;
  /** Whether screen readers announce new messages. */
  live = false;
  #shown = false;
  #frame = 0;
  /** @type {Map<Item, {node: HTMLElement, signature: string}>} */
  #nodes = new Map();
  /** @type {WeakSet<Item>} */
  #unfolded = new WeakSet();
  /** The position of the list when it was hidden. @type {{item: Item, offset: number} | null} */
  #place = null;

  /**
   * @param {import("./messages.js").Messages} messages
   * @param {{label: string, actions: Omit<import("./messageview.js").Actions, "unfold">,
   *     older: Loader, newer: Loader, moved: () => void}} options `moved` is called when the list may
   *     have reached or left its end.
   */
  constructor(messages, { label, actions, older, newer, moved }) {
    this.#messages = messages;
    this.#older = older;
    this.#newer = newer;
    this.#actions = { ...actions, unfold: (/** @type {Item} */ item) => this.#unfold(item) };
    this.moved = moved;
    this.element = element("div", {
      class: "log",
      role: "log",
      "aria-label": label,
      tabindex: "0",
    });
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.element.addEventListener("keydown", ({ key }) => key === "End" && this.end());
    this.#focus = new MessageFocus(this.element);
    new ResizeObserver(() => this.#sticks && this.#toEnd()).observe(this.element);
  }

  /** Whether the last message is visible. */
  get sticks() {
    return this.#sticks;
  }

  /** Render changes with the next frame. */
  changed() {
    if (this.#shown && this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        if (!this.#shown) return;
        this.#render();
        const newer = this.#last && this.#messages.cut && this.#below < NEAR;
        if (!this.#sticks) this.#shift(this.element.scrollTop < NEAR, newer);
      });
    }
  }

  /** Show the list at its previous position, or at the first new message. */
  show() {
    this.#shown = true;
    const place = this.#place;
    const index = place === null ? -1 : this.#messages.indexOf(place.item);
    if (place !== null && index >= 0) this.#turn(index, place.offset);
    else this.toFresh();
  }

  /** Store the position and remove all elements, before the list is hidden. */
  hide() {
    this.#shown = false;
    this.#place = this.#sticks ? null : this.#anchor();
    this.#nodes.clear();
    this.element.replaceChildren();
  }

  /** Scroll to the last message. */
  end() {
    if (this.#messages.cut) return void this.#newer.jump();
    this.#sticks = true;
    this.#render();
    this.moved();
  }

  /** Scroll to the first unread message, or to the last message. */
  toFresh() {
    const { fresh } = this.#messages;
    const index = fresh === null ? -1 : this.#messages.indexOf(fresh);
    if (index >= 0) this.#turn(index, CONTEXT);
    else this.end();
  }

  /** Scroll down to the first unread message if it is below, or to the last message. */
  down() {
    const { fresh } = this.#messages;
    const node = fresh && this.#nodes.get(fresh)?.node;
    const { scrollTop, clientHeight } = this.element;
    const below =
      node && fresh
        ? node.offsetTop > scrollTop + clientHeight
        : fresh !== null && this.#messages.indexOf(fresh) >= this.#end;
    if (below) this.toFresh();
    else this.end();
  }

  /**
   * Scroll to a message.
   *
   * @param {Item} item
   * @param {boolean} [focus] Whether to focus it.
   */
  reveal(item, focus = true) {
    this.#turn(this.#messages.indexOf(item), this.element.clientHeight / 3);
    if (focus) this.#focus.focus(this.node(item));
  }

  /** @param {Item} item @returns {HTMLElement | undefined} Its element, if there is one. */
  node(item) {
    return this.#nodes.get(item)?.node;
  }

  /**
   * Scroll to an item.
   *
   * @param {number} index
   * @param {number} offset Its distance from the top of the visible part, pixels.
   */
  #turn(index, offset) {
    const item = /** @type {Item} */ (this.#messages.at(index));
    this.#sticks = false;
    this.#start = Math.max(0, index - WINDOW / 2);
    this.#end = this.#start + WINDOW;
    this.#shownFrom = this.#start;
    this.#nodes.clear();
    this.#render();
    const node = this.#nodes.get(item)?.node;
    if (node) this.element.scrollTop = node.offsetTop - offset;
    this.#sticks = this.#atEnd;
    if (this.#sticks) this.#toEnd();
    this.#speak();
    this.moved();
  }

  #render() {
    const messages = this.#messages;
    const anchor = this.#sticks ? null : this.#anchor();
    if (!this.#sticks) this.#follow();
    if (this.#sticks) this.#end = messages.length;
    this.#end = Math.min(this.#end, messages.length);
    if (this.#sticks) this.#start = this.#end - WINDOW;
    this.#start = Math.max(0, Math.min(this.#start, this.#end - 1), this.#end - WINDOW);
    this.#shownFrom = this.#start;
    this.#last = this.#end === messages.length;
    this.#speak();
    this.#focus.keep();
    this.#arrange(this.#wanted());
    this.#focus.restore();
    if (this.#sticks) this.#toEnd();
    else if (anchor !== null) this.#hold(anchor);
  }

  /** Move the window if items were added or removed before it. */
  #follow() {
    let shown = this.#shownFrom;
    for (const item of this.#nodes.keys()) {
      const index = this.#messages.indexOf(item);
      if (index >= 0) {
        this.#start += index - shown;
        this.#end += index - shown;
        return;
      }
      shown++;
    }
  }

  #speak() {
    this.element.setAttribute("aria-live", this.live && this.#sticks ? "polite" : "off");
  }

  /** @returns {HTMLElement[]} The window's elements, in order. */
  #wanted() {
    const nodes = new Map();
    const row = this.#start === 0 ? this.#older.row() : null;
    const wanted = row === null ? [] : [row];
    let earlier = this.#messages.timeBefore(this.#start);
    for (let index = this.#start; index < this.#end; index++) {
      const item = /** @type {Item} */ (this.#messages.at(index));
      const looks = look(item, this.#messages.at(index - 1), {
        earlier,
        fresh: item === this.#messages.fresh,
        unfolded: this.#unfolded.has(item),
        own: this.#messages.own,
        answered: this.#messages.answered(item),
      });
      if ("at" in item) earlier = item.at;
      const sign = signature(item, looks);
      let known = this.#nodes.get(item);
      if (known?.signature !== sign) {
        known = { node: show(item, looks, this.#actions), signature: sign };
      }
      nodes.set(item, known);
      wanted.push(known.node);
    }
    this.#nodes = nodes;
    const next = this.#last ? this.#newer.row() : null;
    return next === null ? wanted : [...wanted, next];
  }

  /** Replace the elements, without touching those that stay. @param {HTMLElement[]} wanted */
  #arrange(wanted) {
    const stay = new Set(wanted);
    for (const node of [...this.element.children]) {
      if (stay.has(/** @type {HTMLElement} */ (node))) continue;
      if (node.contains(document.activeElement)) this.element.focus({ preventScroll: true });
      node.remove();
    }
    let next = this.element.firstElementChild;
    for (const node of wanted) {
      if (node === next) next = node.nextElementSibling;
      else this.element.insertBefore(node, next);
    }
  }

  /**
   * @returns {{item: Item, offset: number, text: number} | null} The first visible item, and the
   *     positions of the item and of its text, pixels below the top of the visible part.
   */
  #anchor() {
    const { scrollTop } = this.element;
    for (const [item, { node }] of this.#nodes) {
      if (node.offsetTop + node.offsetHeight > scrollTop) {
        return { item, offset: node.offsetTop - scrollTop, text: this.#textTop(node) };
      }
    }
    return null;
  }

  /**
   * Scroll so that the text of an item stays where it was. The elements above the text in the same
   * item, such as the name or the day, can have changed.
   *
   * @param {{item: Item, text: number}} anchor
   */
  #hold({ item, text }) {
    const node = this.#nodes.get(item)?.node;
    if (node === undefined) return;
    const moved = this.#textTop(node) - text;
    if (Math.abs(moved) > 0.5) this.element.scrollTop = Math.round(this.element.scrollTop + moved);
  }

  /** @param {HTMLElement} node */
  #textTop(node) {
    const text = node.querySelector(".text") ?? node;
    return text.getBoundingClientRect().top - this.element.getBoundingClientRect().top;
  }

  /** The height of the content below the visible part, pixels. */
  get #below() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight;
  }

  get #atEnd() {
    return this.#last && !this.#messages.cut && this.#below < THERE;
  }

  #toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  #scrolled() {
    if (!this.#shown) return;
    const { scrollTop } = this.element;
    const below = this.#below;
    const sticks = this.#atEnd;
    if (sticks !== this.#sticks) {
      this.#sticks = sticks;
      this.#speak();
      this.moved();
    }
    const more = !this.#last || this.#messages.cut;
    if (!sticks) this.#shift(scrollTop < NEAR, below < NEAR && more);
  }

  /**
   * @param {boolean} up
   * @param {boolean} down
   */
  #shift(up, down) {
    if (up && this.#start > 0) {
      this.#start = Math.max(0, this.#start - STEP);
      this.#end = Math.min(this.#end, this.#start + WINDOW);
      this.#render();
    } else if (down && this.#last) {
      this.#newer.approach();
    } else if (down) {
      this.#end = Math.min(this.#messages.length, this.#end + STEP);
      this.#start = Math.max(this.#start, this.#end - WINDOW);
      this.#render();
    } else if (up) {
      this.#older.approach();
    }
  }

  /** @param {Item} item */
  #unfold(item) {
    const had = this.#nodes.get(item)?.node.contains(document.activeElement);
    if (!this.#unfolded.delete(item)) this.#unfolded.add(item);
    this.#sticks = false;
    this.#render();
    if (had) this.#nodes.get(item)?.node.querySelector("button")?.focus();
  }
}
