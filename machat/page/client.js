// @ts-check
/**
 * A client of a MaChat server: it reconnects, recovers missed messages, and resends unacknowledged
 * messages. It runs in browsers and in Node, and needs only these modules next to it: `clock.js`,
 * `connection.js`, `core.js`, `events.js`, `membership.js`, `names.js`, `outgoing.js`, `platform.js`,
 * `requests.js`, `rooms.js` and `socket.js`.
 *
 *     import { Client } from "./client.js";
 *
 *     const client = new Client("ws://localhost:8099/mychat", { name: "Mina" });
 *     client.addEventListener("message", ({ detail }) => console.log(detail.from, detail.text));
 *     client.open();
 *     await client.join("dev", { history: 20 });
 *     await client.say("dev", "hello");
 *
 * Its events are `CustomEvent`s whose `detail` is the server's object, in the order of the room, each
 * message and change once: `message`, `edited`, `redacted`, `reacted`, `typing`, `joined`, `presence`,
 * `room`, `moved`, `left`, `conversations`, `read`, `error`, `bye` and `expiring`. If the server joins a
 * direct conversation for the client, because of a new message, a `joined` reports it. The client itself
 * dispatches these events:
 *
 * - `state`: `detail` is a {@link State};
 * - `gap`: messages of a room were missed and are not replayed; `detail` is a {@link Gap};
 * - `left` with a `code` and a `text`: a room could not be rejoined.
 *
 * @module
 */

import { ClientCore } from "./core.js";
import { ClientEventTarget } from "./events.js";
import { ChatError } from "./membership.js";
import { conversation, key, partner } from "./names.js";

export { ChatError, conversation, key, partner };

/**
 * @typedef {import("./membership.js").Receipt} Receipt
 * @typedef {import("./membership.js").Position} Position
 * @typedef {import("./membership.js").Extras} Extras
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./events.js").Gap} Gap
 * @typedef {import("./events.js").History} History
 * @typedef {import("./events.js").Joined} Joined
 * @typedef {import("./events.js").Message} Message
 * @typedef {import("./events.js").EventMap} EventMap
 * @typedef {import("./events.js").Edited} Edited
 * @typedef {import("./events.js").Redacted} Redacted
 * @typedef {import("./events.js").Reacted} Reacted
 * @typedef {import("./events.js").Typing} Typing
 * @typedef {import("./events.js").ListedRoom} ListedRoom
 * @typedef {import("./events.js").Conversations} Conversations
 * @typedef {import("./events.js").ReadMark} ReadMark
 * @typedef {import("./events.js").Credentials} Credentials
 * @typedef {import("./events.js").Options} Options
 */

/** The moderation commands on members and rooms. */
const MODERATION = [
  "kick",
  "mute",
  "unmute",
  "ban",
  "unban",
  "lock",
  "unlock",
  "topic",
  "list",
  "key",
];

/** A client of one server, under one name. It connects when it is opened. */
export class Client extends ClientEventTarget {
  #options;
  #core;

  /**
   * @param {string | URL} url `ws:` or `wss:`.
   * @param {Options} options
   */
  constructor(url, options) {
    super();
    const { protocol, href } = new URL(url);
    if (!/^wss?:$/.test(protocol)) throw new TypeError("a chat is at ws: or wss:");
    /** @type {Options} */
    this.#options = { presence: true, ...options };
    this.#core = new ClientCore(href, this.#options, (type, detail) =>
      this.dispatchEvent(new CustomEvent(type, { detail })),
    );
  }

  /** The requested name. The name in a room is in its `joined` event. */
  get name() {
    return this.#options.name;
  }

  /** A secret with which another client can take over this client's connection. */
  get session() {
    return this.#core.session;
  }

  /** @returns {State} */
  get state() {
    return this.#core.connection.state;
  }

  /** The time for which the author of a message may edit and redact it, seconds; `Infinity` if unknown. */
  get editTime() {
    return this.#core.editTime;
  }

  /** The rooms that the client is in or rejoins. */
  get rooms() {
    return this.#core.rooms.names;
  }

  /** The number of unacknowledged messages. */
  get unacknowledged() {
    return this.#core.outgoing.count;
  }

  /** Connect, and reconnect whenever the connection is lost. After an end, rejoin the same rooms. */
  open() {
    this.#core.connection.open();
  }

  /** Disconnect, and do not reconnect. Unacknowledged messages are rejected. No timer is left. */
  close() {
    this.#core.connection.end(1000, "closed");
  }

  /** Reconnect now if the client is waiting to; otherwise check whether the server is alive. */
  retry() {
    this.#core.connection.retry();
  }

  /**
   * Join a room, and rejoin it on every later connection.
   *
   * @param {string} room
   * @param {{history?: number, key?: string}} [options] The number of its last messages to receive first,
   *     and the key of the room, if it needs one.
   * @returns {Promise<Joined>} The `joined` event, once the room is joined.
   */
  async join(room, { history = 0, key: secret } = {}) {
    this.#checkOpen();
    return this.#core.rooms.join(room, history, secret);
  }

  /**
   * Leave a room. Its unacknowledged messages are rejected.
   *
   * @param {string} room
   */
  leave(room) {
    this.#core.rooms.leave(room);
  }

  /**
   * Send a message to a joined room: now, or after the next reconnect.
   *
   * @param {string} room
   * @param {string} text Up to 100 lines.
   * @param {Extras} [extras] What programs add to the text.
   * @returns {Promise<Receipt>} Fulfilled when the server has stored the message. Rejected with a
   *     {@link ChatError}: the server's refusal; `too-much` if too many messages are waiting; or
   *     `unknown`, `left` or `ended` if the outcome is not known.
   */
  async say(room, text, { data, reply, id, sent } = {}) {
    return this.#post(room, { type: "say", text, data: structuredClone(data), reply }, id, sent);
  }

  /**
   * @param {string} id The id of an unacknowledged message.
   * @returns {number | null} The time at which it was first sent, if it was, as of `Date.now()`.
   */
  sentAt(id) {
    return this.#core.outgoing.sentAt(id);
  }

  /**
   * Send a message to a user, as {@link Client.say} sends one. The client joins the direct conversation
   * with this user. Both need an account.
   *
   * @param {string} user
   * @param {string} text
   * @param {Extras} [extras]
   * @returns {Promise<Receipt>} Its `room` is the name of the conversation.
   */
  async direct(user, text, extras) {
    this.#checkOpen();
    const { name } = this.#core.rooms.enter(conversation(this.name, user));
    return this.say(name, text, extras);
  }

  /**
   * Refuse the direct messages of a user, or accept them again.
   *
   * @param {string} user
   * @param {boolean} [blocked]
   * @returns {Promise<unknown>} Fulfilled when this is stored.
   */
  async block(user, blocked = true) {
    return this.#core.requests.ask({ type: blocked ? "block" : "unblock", name: user });
  }

  /**
   * Note that the user has read a room up to this message, for all connections of the user. The others
   * receive a `read` event. This needs an account.
   *
   * @param {string} room
   * @param {number} seq
   * @returns {Promise<ReadMark>}
   */
  async markRead(room, seq) {
    return this.#core.requests.ask({ type: "read", room, seq });
  }

  /**
   * Give a message a new text. This and the other changes are sent in order with the messages, and the
   * promises are settled in the same way.
   *
   * @param {string} room
   * @param {number} target The number of the message.
   * @param {string} text
   * @returns {Promise<Receipt>} With the number of the change.
   */
  async edit(room, target, text) {
    return this.#post(room, { type: "edit", target, text });
  }

  /**
   * Remove the content of a message.
   *
   * @param {string} room
   * @param {number} target
   * @param {string} [reason] One line of up to 300 characters.
   * @returns {Promise<Receipt>}
   */
  async redact(room, target, reason) {
    return this.#post(room, { type: "redact", target, reason });
  }

  /**
   * Add a reaction to a message, or remove one's own.
   *
   * @param {string} room
   * @param {number} target
   * @param {string} emoji One emoji.
   * @param {{remove?: boolean}} [options]
   * @returns {Promise<Receipt>}
   */
  async react(room, target, emoji, { remove } = {}) {
    return this.#post(room, { type: "react", target, emoji, remove: remove || undefined });
  }

  /**
   * Notify the other members of a joined room that the user types. Without a connection, it does
   * nothing. The server forwards at most one notice in 3 seconds.
   *
   * @param {string} room
   */
  typing(room) {
    const wanted = this.#core.rooms.get(room);
    if (!wanted?.joined) return;
    this.#core.connection.send(JSON.stringify({ type: "typing", room: wanted.name }));
  }

  /**
   * Request stored messages: the first after a number, the last before a number, or the last. With
   * `text`, only messages that contain all of its words; to search the others, ask again with
   * `searched` of the answer as `before` (until it is at most 1) or as `after` (until it is `seq`).
   *
   * @param {string} room
   * @param {{after?: number, before?: number, limit?: number, text?: string}} [which]
   * @returns {Promise<History>}
   */
  history(room, which = {}) {
    return this.#core.requests.ask({ type: "history", room, ...which });
  }

  /**
   * Request a part of the list of rooms, in order.
   *
   * @param {{prefix?: string, after?: string, limit?: number}} [which] The beginning of the names, and the
   *     last name of the part before.
   * @returns {Promise<{rooms: ListedRoom[], more: boolean}>}
   */
  listRooms(which = {}) {
    return this.#core.requests.ask({ type: "rooms", ...which });
  }

  /**
   * Request the members of a room.
   *
   * @param {string} room
   * @returns {Promise<{room: string, count: number, members: string[]}>}
   */
  who(room) {
    return this.#core.requests.ask({ type: "who", room });
  }

  /**
   * Send a moderation command, if the server permits it to this user.
   *
   * @param {string} room
   * @param {string} action A moderation command of the protocol: `kick`, `mute` ...
   * @param {object} [fields] The fields of the command, without `room`.
   * @returns {Promise<any>} Fulfilled when the command was executed.
   */
  async moderate(room, action, fields = {}) {
    if (!MODERATION.includes(action)) throw new ChatError("bad-command", `no action: ${action}`);
    return this.#core.requests.ask({ ...fields, type: action, room });
  }

  /**
   * Request the active mutes and bans of a room, if the server permits it to this user.
   *
   * @param {string} room
   * @returns {Promise<{room: string, sanctions: {kind: string, name: string | null, until: number,
   *     by: string | null}[]}>}
   */
  sanctions(room) {
    return this.#core.requests.ask({ type: "sanctions", room });
  }

  /**
   * @param {string} room
   * @param {import("./membership.js").Content} content
   * @param {string} [id]
   * @param {number | null} [sent]
   */
  async #post(room, content, id = this.#core.requests.nextId(), sent = null) {
    this.#checkOpen();
    const wanted = this.#core.rooms.get(room);
    if (wanted === undefined) throw new ChatError("not-joined", "not in that room");
    return this.#core.outgoing.add(id, wanted, content, sent);
  }

  #checkOpen() {
    if (this.state.state === "ended") throw new ChatError("ended", "not connected");
  }
}
