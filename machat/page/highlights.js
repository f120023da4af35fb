// @ts-check
/**
 * The highlighting of words in the messages that are shown. It uses the CSS Custom Highlight API, which
 * changes no elements. A browser without it shows no highlights.
 *
 * @module
 */

/** @typedef {import("./messages.js").Message} Message */

/** The names of the highlights, also in style.css. */
const ALL = "find";
const CURRENT = "find-current";

/** @param {string} word */
function escaped(word) {
  return word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/**
 * @param {string} name
 * @param {number} priority
 * @returns {Highlight} The highlight of this name, which all rooms share.
 */
function shared(name, priority) {
  const highlight = CSS.highlights.get(name) ?? new Highlight();
  highlight.priority = priority;
  CSS.highlights.set(name, highlight);
  return highlight;
}

export class Highlights {
  /** The message that is highlighted more. @type {Message | null} */
  current = null;
  #list;
  #changed;
  /** @type {RegExp[]} */
  #words = [];
  /** The ranges of this room. @type {Range[]} */
  #shown = [];
  #frame = 0;
  #observer = new MutationObserver(() => this.#later());

  /**
   * @param {import("./messagelist.js").MessageList} list
   * @param {() => void} changed Called when the messages have changed.
   */
  constructor(list, changed) {
    this.#list = list;
    this.#changed = changed;
  }

  /** Highlight words. @param {string[]} words */
  show(words) {
    this.#words = words.map((word) => new RegExp(escaped(word), "giu"));
    this.#observer.observe(this.#list.element, { childList: true, subtree: true });
    this.#later();
  }

  /** Highlight nothing. */
  clear() {
    this.#observer.disconnect();
    this.#words = [];
    this.current = null;
    this.#render();
  }

  /**
   * @param {string} text
   * @returns {boolean} Whether it contains all words.
   */
  match(text) {
    return this.#words.length > 0 && this.#words.every((word) => text.search(word) >= 0);
  }

  #later() {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#words.length === 0) return;
      this.#changed();
      this.#render();
    });
  }

  #render() {
    if (!("highlights" in CSS)) return;
    const current = this.current && this.#list.node(this.current);
    const all = shared(ALL, 0);
    const one = shared(CURRENT, 1);
    for (const range of this.#shown) (all.delete(range), one.delete(range));
    this.#shown = [];
    for (const node of this.#list.element.querySelectorAll(".text")) {
      if (!this.match(node.textContent ?? "")) continue;
      for (const range of this.#ranges(node)) {
        (current?.contains(node) ? one : all).add(range);
        this.#shown.push(range);
      }
    }
  }

  /** @param {Element} node */
  *#ranges(node) {
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = /** @type {Text} */ (walker.currentNode);
      for (const word of this.#words) {
        for (const { index, 0: found } of text.data.matchAll(word)) {
          const range = document.createRange();
          range.setStart(text, index);
          range.setEnd(text, index + found.length);
          yield range;
        }
      }
    }
  }
}
