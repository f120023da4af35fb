// @ts-check
/**
 * The button that scrolls to the new messages, while the end of the list is not visible.
 *
 * @module
 */

import { element } from "./dom.js";
import { phrase } from "./texts.js";

export class DownButton {
  /** The number of messages since the end of the list was last visible. */
  count = 0;

  /** @param {() => void} click */
  constructor(click) {
    const attributes = { type: "button", class: "down", hidden: true, click: () => click() };
    this.element = element("button", attributes);
  }

  get hidden() {
    return this.element.hidden;
  }

  /** @param {boolean} atEnd Whether the end of the list is visible. */
  show(atEnd) {
    if (atEnd) this.count = 0;
    this.element.hidden = atEnd;
    this.element.textContent = this.count
      ? phrase("room.below", { count: this.count })
      : phrase("room.latest");
  }
}
