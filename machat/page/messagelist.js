// @ts-check
/**
 * A window on a room's messages: as many elements as are near to what can be seen, however many
 * messages there are. It stays at the end while it is there, and keeps its place while it is not, also
 * while it is hidden. With messages that were not looked at it opens at the first of them.
 *
 * @module
 */

import { element } from "./dom.js";
import { look, show, signature } from "./messageview.js";

/** @typedef {import("./messages.js").Item} Item */

/** The most items that have elements at once; by how many the window moves; how near to an end of
 * them it does, and how near to the end of all counts as there: pixels. */
const WINDOW = 160;
const STEP = 60;
const NEAR = 800;
const THERE = 40;

/** How much of what was read before is to be seen above the first new message, pixels. */
const CONTEXT = 48;

export class MessageList {
  #messages;
  #actions;
  #top;
  /** The first item of the window; its end is behind the last. */
  #start = 0;
  #end = 0;
  /** What the window began with when it was shown. */
  #shownFrom = 0;
  /** Whether its end was behind the last of all when it was shown. */
  #last = true;
  /** Whether the list keeps to its end. */
  #sticks = true;
  /** Whether what is new is read out to those who hear the page. */
  live = false;
  #shown = false;
  #frame = 0;
  /** @type {Map<Item, {node: HTMLElement, signature: string}>} */
  #nodes = new Map();
  /** @type {WeakSet<Item>} */
  #unfolded = new WeakSet();
  /** Where the list was when it was hidden. @type {{item: Item, offset: number} | null} */
  #place = null;

  /**
   * @param {import("./messages.js").Messages} messages
   * @param {{label: string, again: (pending: any) => void, edit: (pending: any) => void,
   *     drop: (pending: any) => void, top: () => void, moved: () => void}} options `top` is called
   *     near the first item; `moved` when the list may have come to its end, or left it.
   */
  constructor(messages, { label, again, edit, drop, top, moved }) {
    this.#messages = messages;
    this.#top = top;
    this.#actions = { again, edit, drop, unfold: (/** @type {Item} */ item) => this.#unfold(item) };
    this.moved = moved;
    this.element = element("div", {
      class: "log",
      role: "log",
      "aria-label": label,
      tabindex: "0",
    });
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.element.addEventListener("keydown", ({ key }) => key === "End" && this.end());
    new ResizeObserver(() => this.#sticks && this.#toEnd()).observe(this.element);
  }

  /** Whether the last message is in sight. */
  get sticks() {
    return this.#sticks;
  }

  /** Something has changed: show it with the next frame. */
  changed() {
    if (this.#shown && this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        if (!this.#shown) return;
        this.#render();
        if (!this.#sticks && this.#start > 0) this.#shift(this.element.scrollTop < NEAR, false);
      });
    }
  }

  /** The list can be seen from now on: where it was before, else at the first new message. */
  show() {
    this.#shown = true;
    const place = this.#place;
    const index = place === null ? -1 : this.#messages.indexOf(place.item);
    if (place !== null && index >= 0) this.#turn(index, place.offset);
    else this.toFresh();
  }

  /** It is about to be hidden: it keeps its place, and no elements. */
  hide() {
    this.#shown = false;
    this.#place = this.#sticks ? null : this.#anchor();
    this.#nodes.clear();
    this.element.replaceChildren();
  }

  /** Go to the last message. */
  end() {
    this.#sticks = true;
    this.#render();
    this.moved();
  }

  /** Go to the first message that was not looked at, else to the last. */
  toFresh() {
    const { fresh } = this.#messages;
    const index = fresh === null ? -1 : this.#messages.indexOf(fresh);
    if (index >= 0) this.#turn(index, CONTEXT);
    else this.end();
  }

  /** Go down: to the first message that was not looked at if that is below, else to the last. */
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
   * Go to an item.
   *
   * @param {number} index
   * @param {number} offset Where to put it, pixels from the top of what can be seen.
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
    this.#arrange(this.#wanted());
    if (this.#sticks) this.#toEnd();
    else if (anchor !== null) this.#hold(anchor);
  }

  /** Items came or went before the window: it moves with what it shows. */
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
    const wanted = [];
    let earlier = this.#messages.timeBefore(this.#start);
    for (let index = this.#start; index < this.#end; index++) {
      const item = /** @type {Item} */ (this.#messages.at(index));
      const looks = look(item, this.#messages.at(index - 1), {
        earlier,
        fresh: item === this.#messages.fresh,
        unfolded: this.#unfolded.has(item),
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
    return wanted;
  }

  /** @param {HTMLElement[]} wanted To be all there is; who stays is not touched. */
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

  /** @returns {{item: Item, offset: number} | null} What is at the top of what can be seen. */
  #anchor() {
    const { scrollTop } = this.element;
    for (const [item, { node }] of this.#nodes) {
      if (node.offsetTop + node.offsetHeight > scrollTop) {
        return { item, offset: node.offsetTop - scrollTop };
      }
    }
    return null;
  }

  /** @param {{item: Item, offset: number}} anchor */
  #hold({ item, offset }) {
    const node = this.#nodes.get(item)?.node;
    if (node === undefined) return;
    const top = node.offsetTop - offset;
    if (Math.abs(this.element.scrollTop - top) >= 1) this.element.scrollTop = top;
  }

  /** How much there is below what can be seen, pixels. */
  get #below() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight;
  }

  get #atEnd() {
    return this.#last && this.#below < THERE;
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
    if (!sticks) this.#shift(scrollTop < NEAR, below < NEAR && !this.#last);
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
    } else if (down) {
      this.#end = Math.min(this.#messages.length, this.#end + STEP);
      this.#start = Math.max(this.#start, this.#end - WINDOW);
      this.#render();
    } else if (up) {
      this.#top();
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
