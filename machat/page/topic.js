// @ts-check
/**
 * The topic of a room: one line, with a button that shows the whole topic if it does not fit.
 *
 * @module
 */

import { element } from "./dom.js";
import { linked } from "./links.js";
import { phrase } from "./texts.js";

export class Topic {
  #text = element("p", { class: "topic", dir: "auto" });
  #more = element("button", {
    type: "button",
    class: "quiet more",
    hidden: true,
    click: () => this.#open(!this.#opened),
  });
  #opened = false;
  #topic = "";

  constructor() {
    this.elements = [this.#text, this.#more];
    this.#open(false);
    new ResizeObserver(() => this.#fit()).observe(this.#text);
  }

  /** @param {string} topic */
  show(topic) {
    if (topic === this.#topic) return;
    this.#topic = topic;
    this.#text.replaceChildren(...linked(topic));
    this.#open(false);
  }

  /** @param {boolean} opened */
  #open(opened) {
    this.#opened = opened;
    this.#text.classList.toggle("whole", opened);
    this.#more.setAttribute("aria-expanded", String(opened));
    this.#more.setAttribute("aria-label", phrase(opened ? "topic.less" : "topic.whole"));
    this.#fit();
  }

  #fit() {
    const { scrollWidth, clientWidth } = this.#text;
    this.#more.hidden = !this.#opened && scrollWidth <= clientWidth;
  }
}
