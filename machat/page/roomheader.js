// @ts-check
/**
 * The header of a room: its name, its topic, whether it is locked, and the buttons.
 *
 * @module
 */

import { element } from "./dom.js";
import { phrase } from "./texts.js";
import { Topic } from "./topic.js";

export class RoomHeader {
  #topic = new Topic();
  #locked = element("span", { class: "tag", hidden: true }, phrase("room.locked"));

  /**
   * @param {string} id The id of the title.
   * @param {string} name
   * @param {{find: import("./findbar.js").FindBar, block?: HTMLElement, members: HTMLElement,
   *     leave: () => void}} options `block`: in a direct conversation, the button that blocks the other
   *     user. `members`: the button for the members. `leave` leaves the room.
   */
  constructor(id, name, { find, block, members, leave }) {
    const title = element("h2", { id }, element("bdi", {}, name));
    const kind = block ? [element("span", { class: "tag" }, phrase("direct.tag"))] : [];
    const button = { type: "button", class: "quiet", click: () => leave() };
    const words = block ? phrase("direct.close") : phrase("room.leave");
    this.element = element(
      "header",
      { class: "head" },
      element("div", { class: "title" }, title, ...kind, this.#locked, ...this.#topic.elements),
      find.button,
      ...(block ? [block] : []),
      members,
      element("button", button, words),
      find.element,
    );
  }

  /** @param {{topic?: string, locked?: boolean}} event */
  show({ topic, locked }) {
    this.#topic.show(topic ?? "");
    this.#locked.hidden = !locked;
  }
}
