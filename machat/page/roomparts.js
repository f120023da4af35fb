// @ts-check
/**
 * The parts of the view of a room, and how they use each other.
 *
 * @module
 */

import { RejoinBar } from "./rejoin.js";
import { Commands } from "./commands.js";
import { Completion } from "./completion.js";
import { Composer } from "./composer.js";
import { DirectBar } from "./directbar.js";
import { DownButton } from "./downbutton.js";
import { element } from "./dom.js";
import { FindBar } from "./findbar.js";
import { loaders } from "./loader.js";
import { Members } from "./members.js";
import { openMenu } from "./menu.js";
import { MessageActions } from "./messageactions.js";
import { MessageList } from "./messagelist.js";
import { Messages } from "./messages.js";
import { Moderation } from "./moderation.js";
import { RoomHeader } from "./roomheader.js";
import { ReadMarker } from "./readmarker.js";
import { MessageSender } from "./sender.js";
import { StoredMessages } from "./storedmessages.js";
import { phrase } from "./texts.js";
import { Typing } from "./typing.js";
import { Unread } from "./unread.js";

/**
 * @typedef {object} View The room that has these parts.
 * @property {boolean} looked Whether the user looks at the room.
 * @property {() => void} focus Focuses the room.
 * @property {() => void} moved Shows whether the end of the list is visible.
 * @property {() => void} goDown Scrolls to the new messages.
 * @property {() => Promise<void>} rejoin Joins the room again.
 * @property {(text: string) => void} note Shows a text among the messages.
 */

export class RoomParts {
  messages = new Messages();
  typing;
  moderation;
  members;
  /** @type {Composer} */
  composer;
  loaders;
  down;
  rejoinBar;
  joining = element(
    "p",
    { class: "loader joining", role: "status", hidden: true },
    phrase("room.joining"),
  );
  /** @type {MessageList} */
  list;
  /** @type {StoredMessages} */
  history;
  /** @type {Unread} */
  unread;
  marker;
  /** @type {DirectBar | null} */
  direct;
  /** @type {MessageSender} */
  sender;
  header;

  /**
   * @param {import("./client.js").Client} client
   * @param {{name: string, id: string, label: string, direct: boolean}} room
   * @param {View} view
   * @param {import("./roomview.js").Options} options
   */
  constructor(client, { name, id, label, direct }, view, options) {
    const { messages } = this;
    const { people } = options;
    this.typing = new Typing(() => client.typing(name));
    const moderation = (this.moderation = new Moderation(client, name));
    const entries = (/** @type {string} */ user) => [
      ...people.entries(user, name),
      ...moderation.entries(user),
    ];
    this.members = new Members(`${id}-members`, {
      menu: (member, button) =>
        openMenu(button, phrase("menu.member", { name: member }), entries(member)),
      panel: () => moderation.panel(),
    });
    this.loaders = loaders(messages, (which) => client.history(name, which), {
      changed: () => {
        this.unread.older();
        this.list.changed();
      },
      jumped: () => this.list.end(),
    });
    this.down = new DownButton(view.goDown);
    this.rejoinBar = new RejoinBar(view.rejoin);
    this.composer = this.#composer(label, options);
    const { composer } = this;
    const acting = { messages, composer, moderation, entries, focus: view.focus };
    this.actions = new MessageActions(client, name, acting);
    this.list = this.#list(
      phrase(direct ? "direct.messages" : "room.messages", { room: label }),
      view,
    );
    const warn = (/** @type {string} */ text) => composer.warn(text);
    this.history = new StoredMessages(client, name, messages, this.list, warn);
    const { list, down, actions } = this;
    const looked = () => view.looked;
    this.marker = new ReadMarker(messages, {
      shared: people.account,
      whole: direct || options.restored,
      looked,
      atEnd: () => list.sticks && !messages.cut,
      send: (seq) => client.markRead(name, seq),
    });
    const { marker } = this;
    const counting = { messages, list, down, marker, direct, looked, moved: view.moved };
    this.unread = new Unread(counting, options);
    const jump = (/** @type {number} */ seq) => this.history.jump(seq);
    const commands = new Commands(client, name, { ...options, jump, note: view.note });
    const { sending: changed } = options;
    const sending = { messages, list, composer, commands, actions, focus: view.focus, changed };
    this.sender = new MessageSender(client, name, sending);
    new Completion(composer.field, () => this.members.others);
    const find = (this.find = new FindBar(label, {
      messages,
      list,
      search: (words) => commands.search(words),
      closed: view.focus,
    }));
    this.direct = direct ? new DirectBar(people, label) : null;
    this.header = new RoomHeader(`${id}-title`, label, {
      find,
      block: this.direct?.block,
      members: this.members.button,
      leave: options.leave,
    });
    this.element = this.#build(id);
  }

  /**
   * @param {string} label
   * @param {import("./roomview.js").Options} options
   */
  #composer(label, options) {
    return new Composer(label, {
      submitted: (text, mode) => {
        this.typing.sent();
        return this.sender.submit(text, mode);
      },
      changed: options.drafted,
      typed: (text) => this.typing.typed(text),
      editLast: () => this.actions.editLast(),
    });
  }

  /**
   * @param {string} label
   * @param {View} view
   */
  #list(label, view) {
    return new MessageList(this.messages, {
      label,
      actions: {
        again: (pending) => this.sender.retry(pending),
        edit: (pending) => this.sender.edit(pending),
        drop: (pending) => this.sender.drop(pending),
        menu: (message, button) => this.actions.menu(message, button),
        toggle: (message, emoji) => this.actions.react(message, emoji),
        jump: (seq) => this.history.jump(seq),
      },
      ...this.loaders,
      moved: view.moved,
    });
  }

  /** @param {string} id */
  #build(id) {
    const { older, newer } = this.loaders;
    return element(
      "section",
      { class: "room", id, role: "tabpanel", "aria-labelledby": `${id}-tab`, hidden: true },
      this.header.element,
      element(
        "div",
        { class: "talk" },
        this.list.element,
        this.joining,
        this.down.element,
        this.typing.element,
        older.status,
        newer.status,
      ),
      this.members.scrim,
      this.members.element,
      this.rejoinBar.element,
      ...(this.direct ? [this.direct.element] : []),
      this.composer.element,
    );
  }
}
