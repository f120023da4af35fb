// @ts-check
/**
 * The view of one room: its header, its messages, its members, and the message field.
 *
 * @module
 */

import { RejoinBar } from "./rejoin.js";
import { Commands } from "./commands.js";
import { Composer, composes } from "./composer.js";
import { Completion } from "./completion.js";
import { element, pointer } from "./dom.js";
import { loaders, PAGE } from "./loader.js";
import { joinWithKey } from "./keys.js";
import { DownButton } from "./downbutton.js";
import { closeMenu } from "./menu.js";
import { Members } from "./members.js";
import { MessageActions } from "./messageactions.js";
import { mentioned } from "./mentions.js";
import { MessageList } from "./messagelist.js";
import { Messages } from "./messages.js";
import { isNotice } from "./messageview.js";
import { Moderation } from "./moderation.js";
import { RoomHeader } from "./roomheader.js";
import { MessageSender } from "./sender.js";
import { phrase } from "./texts.js";
import { localised } from "./times.js";
import { StoredMessages } from "./storedmessages.js";
import { Typing } from "./typing.js";

/** @typedef {import("./client.js").Client} Client */

/**
 * @typedef {object} Options
 * @property {() => void} changed Called when the number of unread messages has changed.
 * @property {(message: {from: string, text: string, mention: boolean}) => void} received Called with each
 *     new message of another user.
 * @property {(draft: string) => void} drafted Called with the content of the field.
 * @property {(room: string) => Promise<unknown>} join Join another room.
 * @property {() => void} leave Leave this room.
 * @property {() => void} quit Leave all rooms.
 */

let count = 0;

export class RoomView {
  unread = 0;
  /** The number of unread messages that mention the user. */
  mentions = 0;
  id = `room${++count}`;
  #client;
  #options;
  #messages = new Messages();
  /** @type {Members} */
  #members;
  #header;
  #visible = false;
  /** The last position at the first join. Older messages are not unread. */
  #seen = { epoch: "", seq: 0 };
  #loaders = loaders(this.#messages, (which) => this.#client.history(this.name, which), {
    changed: () => this.#list.changed(),
    jumped: () => this.#list.end(),
  });
  #down = new DownButton(() => this.#goDown());
  #rejoinBar = new RejoinBar(() => this.#rejoin());
  /** @type {Composer} */
  #composer;
  #list;
  /** @type {MessageSender} */
  #sender;
  /** @type {StoredMessages} */
  #history;
  #typing;
  #moderation;

  /**
   * @param {Client} client
   * @param {string} name The name of the room.
   * @param {Options} options
   */
  constructor(client, name, options) {
    this.name = name;
    this.#client = client;
    this.#options = options;
    this.#typing = new Typing(() => client.typing(name));
    const moderation = (this.#moderation = new Moderation(client, name));
    this.#members = new Members(`${this.id}-members`, {
      menu: (member, button) => moderation.menu(member, button),
      panel: () => moderation.panel(),
    });
    this.#composer = new Composer(name, {
      submitted: (text, mode) => {
        this.#typing.sent();
        return this.#sender.submit(text, mode);
      },
      changed: options.drafted,
      typed: (text) => this.#typing.typed(text),
      editLast: () => actions.editLast(),
    });
    const focus = () => this.focus();
    const view = { messages: this.#messages, composer: this.#composer, moderation, focus };
    const actions = new MessageActions(client, name, view);
    this.#list = new MessageList(this.#messages, {
      label: phrase("room.messages", { room: name }),
      actions: {
        again: (pending) => this.#sender.retry(pending),
        edit: (pending) => this.#sender.edit(pending),
        drop: (pending) => this.#sender.drop(pending),
        menu: (message, button) => actions.menu(message, button),
        toggle: (message, emoji) => actions.react(message, emoji),
        jump: (seq) => this.#history.jump(seq),
      },
      ...this.#loaders,
      moved: () => this.#moved(),
    });
    const warn = (/** @type {string} */ text) => this.#composer.warn(text);
    this.#history = new StoredMessages(client, name, this.#messages, this.#list, warn);
    this.#sender = new MessageSender(client, name, {
      messages: this.#messages,
      list: this.#list,
      composer: this.#composer,
      commands: new Commands(client, name, {
        ...options,
        jump: (seq) => this.#history.jump(seq),
        note: (text) => this.#note(text),
      }),
      actions,
      focus,
    });
    new Completion(this.#composer.field, () => this.#members.others);
    const { button } = this.#members;
    this.#header = new RoomHeader(`${this.id}-title`, name, button, options.leave);
    this.element = this.#build();
    this.element.hidden = true;
    this.element.addEventListener("keydown", (event) => this.#keyed(event));
  }

  #build() {
    const { older, newer } = this.#loaders;
    return element(
      "section",
      { class: "room", id: this.id, role: "tabpanel", "aria-labelledby": `${this.id}-tab` },
      this.#header.element,
      element(
        "div",
        { class: "talk" },
        this.#list.element,
        this.#down.element,
        this.#typing.element,
        older.status,
        newer.status,
      ),
      this.#members.scrim,
      this.#members.element,
      this.#rejoinBar.element,
      this.#composer.element,
    );
  }

  /** Show or hide the room. @param {boolean} visible */
  set visible(visible) {
    if (visible === this.#visible) return;
    this.#visible = visible;
    if (visible) {
      this.element.hidden = false;
      this.#list.show();
      this.looked();
    } else {
      if (this.#list.sticks) this.#messages.fresh = null;
      this.#list.hide();
      this.element.hidden = true;
    }
  }

  /** Mark the visible messages as read. */
  looked() {
    if (!this.#visible || document.visibilityState === "hidden") return;
    if (this.unread > 0 && this.#list.sticks) this.#list.toFresh();
    this.unread = 0;
    this.mentions = 0;
    this.#options.changed();
  }

  /** Set the content of the field. @param {string} draft */
  set draft(draft) {
    this.#composer.restore(draft);
  }

  focus() {
    if (this.#rejoinBar.shown) this.#rejoinBar.focus();
    else this.#composer.field.focus();
  }

  /** Remove the view. */
  close() {
    this.#list.hide();
    this.#members.stop();
    this.#typing.clear();
    closeMenu();
    this.element.remove();
  }

  // The server's events.

  /** @param {any} event */
  joined(event) {
    const { epoch, name, seq, recovered } = event;
    if (this.#seen.epoch === "") this.#seen = { epoch, seq };
    else if (recovered && this.#seen.epoch === this.#messages.epoch) this.#seen.epoch = epoch;
    this.#messages.markJoined(epoch, name, recovered === true);
    for (const loader of Object.values(this.#loaders)) loader.joined();
    this.#typing.clear();
    this.#moderation.allowed = this.#members.moderated = event.moderator === true;
    this.#members.own = name;
    this.#members.all(event);
    this.room(event);
    this.#present(true);
    this.#list.changed();
  }

  /** @param {{topic?: string, locked?: boolean}} event */
  room({ topic, locked }) {
    this.#moderation.topic = topic ?? "";
    this.#moderation.locked = locked === true;
    this.#header.show({ topic, locked });
  }

  /** @param {any} event */
  message(event) {
    const message = this.#messages.add(event);
    this.#typing.remove(event.from);
    if (message === null) return;
    const seen = this.#seen;
    const old = message.epoch === seen.epoch && message.seq <= seen.seq;
    this.#list.live = !old;
    if (!old && !message.own) this.#receive(message);
    this.#list.changed();
  }

  /** Apply an edit, a redaction or a reaction. @param {any} event */
  change(event) {
    const message = this.#messages.change(event);
    if (message === undefined) return;
    this.#composer.update(message);
    this.#list.changed();
  }

  /** @param {{from: string}} event */
  typing({ from }) {
    if (from !== this.#messages.own) this.#typing.add(from);
  }

  /** @param {any} event */
  presence(event) {
    for (const name of event.left ?? []) this.#typing.remove(name);
    const incomplete = this.#members.incomplete;
    this.#members.presence(event);
    if (event.joined && !incomplete && this.#members.incomplete) this.#who();
  }

  /** Record the new epoch of the room. @param {any} event */
  moved({ epoch, seq, lost }) {
    if (this.#seen.epoch === this.#messages.epoch)
      this.#seen = { epoch, seq: Math.min(this.#seen.seq, seq) };
    this.#messages.moved(epoch, seq);
    this.#list.live = true;
    if (lost) this.#note(phrase("room.lost"));
  }

  /** @param {import("./client.js").Gap} gap */
  gap({ missed, before, after }) {
    const same = before.epoch === after.epoch;
    const gap = this.#messages.gap(same ? missed : null);
    this.#list.changed();
    this.#history.fill(gap, before, after);
  }

  /** Record that the user is no longer in the room. @param {any} event */
  left({ reason, text }) {
    const removed = reason ? phrase("room.removedFor", { reason }) : phrase("room.removed");
    const message = localised(text ?? removed);
    this.#note(message);
    this.#rejoinBar.show(message);
    this.#typing.clear();
    this.#present(false);
  }

  // Requests.

  async #rejoin() {
    if (this.#client.state.state === "waiting") {
      this.#rejoinBar.show(phrase("rooms.wait"));
    }
    await joinWithKey(this.#client, this.name, PAGE);
  }

  #who() {
    this.#client.who(this.name).then(
      (event) => this.#members.all(event),
      () => {},
    );
  }

  // Appearance.

  /** @param {import("./messages.js").Message} message */
  #receive(message) {
    const { from, text } = message;
    const mention = mentioned(text);
    this.#count(message, mention);
    this.#options.received({ from, text, mention });
  }

  /**
   * @param {import("./messages.js").Message} message
   * @param {boolean} mention
   */
  #count(message, mention) {
    const looked = this.#visible && document.visibilityState === "visible";
    if (!looked) {
      const reading = this.#messages.fresh !== null && !this.#list.sticks;
      if (this.unread === 0 && !reading) this.#messages.fresh = message;
      if (!isNotice(message)) this.unread++;
      if (mention) this.mentions++;
      this.#options.changed();
    }
    if (!looked || !this.#list.sticks) {
      this.#down.count++;
      if (looked) this.#moved();
    }
  }

  /** @param {string} text */
  #note(text) {
    this.#messages.note(text);
    this.#list.changed();
  }

  #moved() {
    this.#messages.reading = !this.#list.sticks;
    this.#down.show(this.#list.sticks);
  }

  #goDown() {
    this.#list.down();
    if (this.#down.hidden) this.focusGently();
  }

  /** Focus the room without opening an on-screen keyboard. */
  focusGently() {
    if (pointer.matches) this.focus();
    else this.#list.element.focus({ preventScroll: true });
  }

  /** @param {boolean} present */
  #present(present) {
    if (present) this.#rejoinBar.hide();
    this.#composer.element.hidden = !present;
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.key === "Escape" && !composes(event) && this.#members.dismiss()) {
      event.stopPropagation();
    }
  }
}
