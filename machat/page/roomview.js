// @ts-check
/**
 * The view of one room: its header, its messages, its members, and the message field.
 *
 * @module
 */

import { partner } from "./client.js";
import { composes } from "./composer.js";
import { pointer } from "./dom.js";
import { compareClocks } from "./editing.js";
import { joinWithKey } from "./keys.js";
import { PAGE } from "./loader.js";
import { closeMenu } from "./menu.js";
import { RoomParts } from "./roomparts.js";
import { phrase } from "./texts.js";
import { localised } from "./times.js";

/** @typedef {import("./client.js").Client} Client */

/**
 * @typedef {object} Options
 * @property {import("./people.js").People} people The other users.
 * @property {boolean} restored Whether the user was in the room before the page was reloaded.
 * @property {() => void} changed Called when the number of unread messages has changed.
 * @property {(message: {from: string, text: string, mention: boolean}) => void} received Called with each
 *     new message of another user.
 * @property {(draft: string) => void} drafted Called with the content of the field.
 * @property {() => void} sending Called when the messages that are not known to be stored have changed.
 * @property {(room: string) => Promise<unknown>} join Join another room.
 * @property {(name: string, text?: string) => Promise<unknown>} direct Open a direct conversation, and send
 *     a message.
 * @property {() => void} leave Leave this room.
 * @property {() => void} quit Leave all rooms.
 */

/** The events of the client for which a room has a method of the same name. */
export const EVENTS = /** @type {const} */ ([
  "message",
  "presence",
  "typing",
  "room",
  "moved",
  "gap",
  "left",
  "read",
]);

let count = 0;

export class RoomView {
  id = `room${++count}`;
  /** The time at which a message was received, or the room was selected, milliseconds. */
  used = performance.now();
  #client;
  #account;
  #parts;
  #visible = false;

  /**
   * @param {Client} client
   * @param {string} name The name of the room.
   * @param {Options} options
   */
  constructor(client, name, options) {
    this.name = name;
    const other = partner(name, client.name);
    /** Whether it is a direct conversation. */
    this.direct = other !== null;
    /** The name that is shown: in a direct conversation, that of the other user. */
    this.label = other ?? name;
    this.#client = client;
    this.#account = options.people.account;
    const view = this;
    const parts = {
      get looked() {
        return view.#looked;
      },
      focus: () => this.focus(),
      moved: () => this.#moved(),
      goDown: () => this.#goDown(),
      rejoin: () => this.#rejoin(),
      note: (/** @type {string} */ text) => this.#note(text),
    };
    this.#parts = new RoomParts(client, this, parts, options);
    this.element = this.#parts.element;
    this.element.addEventListener("keydown", (event) => this.#keyed(event));
  }

  /** Show or hide the room. @param {boolean} visible */
  set visible(visible) {
    if (visible === this.#visible) return;
    this.used = performance.now();
    if (!visible) this.#parts.marker.leave();
    this.#visible = visible;
    if (visible) {
      this.element.hidden = false;
      this.#parts.list.show();
      this.looked();
    } else {
      if (this.#parts.list.sticks) this.#parts.messages.fresh = null;
      this.#parts.list.hide();
      this.element.hidden = true;
    }
  }

  /** The number of unread messages. */
  get unread() {
    return this.#parts.unread.count;
  }

  /** The number of unread messages that mention the user. */
  get mentions() {
    return this.#parts.unread.mentions;
  }

  /** Whether the user looks at the room. */
  get #looked() {
    return this.#visible && document.visibilityState === "visible";
  }

  /** Whether there may be further unread messages that are not loaded. */
  get more() {
    return this.#parts.unread.more;
  }

  /** Whether everything is read and sent. */
  get idle() {
    const { composer, messages } = this.#parts;
    return this.unread === 0 && composer.idle && messages.pending.length === 0;
  }

  /** Mark the visible messages as read. */
  looked() {
    if (this.#looked) this.#parts.unread.looked();
    else this.#parts.marker.leave();
  }

  /** Send a message. @param {string} text */
  send(text) {
    this.#parts.sender.send(text);
  }

  /** Scroll to a message, and stay there. @param {number} seq */
  async jump(seq) {
    await this.#parts.history.jump(seq);
    this.#parts.unread.stay();
  }

  /** Show an error at the field. @param {string} text */
  warn(text) {
    this.#parts.composer.warn(text);
  }

  /** Set the content of the field. @param {string} draft */
  set draft(draft) {
    this.#parts.composer.restore(draft);
  }

  /**
   * @param {boolean} unloads Whether the page is being unloaded.
   * @returns {import("./unsent.js").Unsent[]} The messages that a reloaded page shows and sends again.
   */
  unsent(unloads) {
    return this.#parts.sender.unsent(unloads);
  }

  /** Show the messages from before a reload. @param {import("./unsent.js").Unsent[]} list */
  restore(list) {
    this.#parts.sender.restore(list);
  }

  focus() {
    if (this.#parts.rejoinBar.shown) this.#parts.rejoinBar.focus();
    else this.#parts.composer.field.focus();
  }

  /** Remove the view. */
  close() {
    this.#parts.marker.leave();
    this.#parts.find.stop();
    this.#parts.list.hide();
    this.#parts.members.stop();
    this.#parts.typing.clear();
    this.#parts.direct?.stop();
    closeMenu();
    this.element.remove();
  }

  /**
   * Show that the room is being joined. Messages can be typed and sent; they wait.
   *
   * @param {string} name The user's own name.
   */
  joining(name) {
    this.#parts.messages.own = this.#parts.members.own = name;
    this.#parts.members.button.hidden = true;
    this.#parts.joining.hidden = false;
  }

  // The server's events.

  /** @param {any} event */
  joined(event) {
    const { epoch, name, recovered } = event;
    this.#parts.unread.joined(event);
    this.#parts.messages.markJoined(epoch, name, recovered === true);
    for (const loader of Object.values(this.#parts.loaders)) loader.joined();
    this.#parts.typing.clear();
    this.#parts.moderation.allowed = this.#parts.members.moderated = event.moderator === true;
    this.#parts.members.acts = event.moderator === true || this.#account;
    this.#parts.members.own = name;
    this.#parts.members.all(event);
    this.room(event);
    this.#present(true);
    this.#parts.list.changed();
  }

  /** @param {{topic?: string, locked?: boolean}} event */
  room({ topic, locked }) {
    this.#parts.moderation.topic = topic ?? "";
    this.#parts.moderation.locked = locked === true;
    this.#parts.header.show({ topic, locked });
  }

  /** @param {any} event */
  message(event) {
    if (!event.replay) compareClocks(event.at);
    const message = this.#parts.messages.add(event);
    this.#parts.typing.remove(event.from);
    if (message === null) return;
    this.used = performance.now();
    this.#parts.unread.add(message);
    this.#parts.list.changed();
  }

  /** Apply an edit, a redaction or a reaction. @param {any} event */
  change(event) {
    const message = this.#parts.messages.change(event);
    if (message === undefined) return;
    this.#parts.composer.update(message);
    this.#parts.list.changed();
  }

  /** Record that the user has read messages on another device. @param {{seq: number}} event */
  read({ seq }) {
    this.#parts.unread.read(seq);
  }

  /** @param {{from: string}} event */
  typing({ from }) {
    if (from !== this.#parts.messages.own) this.#parts.typing.add(from);
  }

  /** @param {any} event */
  presence(event) {
    for (const name of event.left ?? []) this.#parts.typing.remove(name);
    const incomplete = this.#parts.members.incomplete;
    this.#parts.members.presence(event);
    if (event.joined && !incomplete && this.#parts.members.incomplete) this.#who();
  }

  /** Record the new epoch of the room. @param {any} event */
  moved({ epoch, seq, lost }) {
    this.#parts.unread.moved({ epoch, seq });
    this.#parts.messages.moved(epoch, seq);
    this.#parts.list.live = true;
    if (lost) this.#note(phrase("room.lost"));
  }

  /** @param {import("./client.js").Gap} gap */
  gap({ missed, before, after }) {
    const same = before.epoch === after.epoch;
    const gap = this.#parts.messages.gap(same ? missed : null);
    this.#parts.list.changed();
    this.#parts.history.fill(gap, before, after);
  }

  /** Record that the user is no longer in the room. @param {any} event */
  left({ reason, text }) {
    const removed = reason ? phrase("room.removedFor", { reason }) : phrase("room.removed");
    const message = localised(text ?? removed);
    this.#note(message);
    this.#parts.rejoinBar.show(message);
    this.#parts.typing.clear();
    this.#present(false);
  }

  // Requests.

  async #rejoin() {
    if (this.#client.state.state === "waiting") {
      this.#parts.rejoinBar.show(phrase("rooms.wait"));
    }
    await joinWithKey(this.#client, this.name, PAGE);
  }

  #who() {
    this.#client.who(this.name).then(
      (event) => this.#parts.members.all(event),
      () => {},
    );
  }

  // Appearance.

  /** @param {string} text */
  #note(text) {
    this.#parts.messages.note(text);
    this.#parts.list.changed();
  }

  #moved() {
    this.#parts.messages.reading = !this.#parts.list.sticks;
    this.#parts.down.show(this.#parts.list.sticks);
    this.#parts.marker.see();
  }

  #goDown() {
    this.#parts.list.down();
    if (this.#parts.down.hidden) this.focusGently();
  }

  /** Focus the room without opening an on-screen keyboard. */
  focusGently() {
    if (pointer.matches) this.focus();
    else this.#parts.list.element.focus({ preventScroll: true });
  }

  /** @param {boolean} present */
  #present(present) {
    this.#parts.joining.hidden = true;
    this.#parts.members.button.hidden = false;
    if (present) this.#parts.rejoinBar.hide();
    this.#parts.composer.element.hidden = !present;
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.key === "Escape" && !composes(event) && this.#parts.members.dismiss()) {
      event.stopPropagation();
    }
  }
}
