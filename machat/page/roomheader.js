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
   * @param {HTMLElement} members The button for the members.
   * @param {() => void} leave Leaves the room.
   */
  constructor(id, name, members, leave) {
    const title = element("h2", { id }, element("bdi", {}, name));
    const button = { type: "button", class: "quiet", click: () => leave() };
    this.element = element(
      "header",
      { class: "head" },
      element("div", { class: "title" }, title, this.#locked, ...this.#topic.elements),
      members,
      element("button", button, phrase("room.leave")),
    );
  }

  /** @param {{topic?: string, locked?: boolean}} event */
  show({ topic, locked }) {
    this.#topic.show(topic ?? "");
    this.#locked.hidden = !locked;
  }
}
