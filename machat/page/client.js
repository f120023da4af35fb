// @ts-check
/**
 * A client of a MaChat server that loses nothing: it reconnects, recovers what it missed, and sends
 * again what was not acknowledged. It needs no page, and only these modules beside it:
 * `clock.js`, `connection.js`, `membership.js`, `outgoing.js`, `requests.js`, `rooms.js` and `socket.js`.
 *
 *     import { Client } from "./client.js";
 *
 *     const client = new Client("ws://localhost:8099/mychat", { name: "Mina" });
 *     client.addEventListener("message", ({ detail }) => console.log(detail.from, detail.text));
 *     client.open();
 *     await client.join("dev", { history: 20 });
 *     await client.say("dev", "hello");
 *
 * Its events are those of the protocol, as `CustomEvent`s: `detail` is the server's object, in the
 * order of the room, each message once. `message`, `joined`, `presence`, `room`, `left`, `error`,
 * `bye` and `expiring` are the server's, besides these:
 *
 * - `state`: `detail` is a {@link State};
 * - `gap`: messages of a room were missed and are not replayed; `detail` is a {@link Gap};
 * - `left` comes as well, with a `code` and a `text`, for a room that could not be joined again.
 *
 * @module
 */

import { Connection } from "./connection.js";
import { ChatError } from "./membership.js";
import { Requests } from "./requests.js";
import { key, Rooms } from "./rooms.js";
import { LINE, OutgoingMessages } from "./outgoing.js";

export { ChatError, key };

/**
 * @typedef {import("./membership.js").Receipt} Receipt
 * @typedef {import("./membership.js").Position} Position
 * @typedef {import("./connection.js").State} State
 * @typedef {{password?: string, token?: string}} Credentials
 *
 * @typedef {object} Options
 * @property {string} name
 * @property {string} [password]
 * @property {string} [token]
 * @property {(why: "connect" | "expiring") => Credentials | Promise<Credentials>} [credentials]
 *     Asked at each connect, and when the server says that the last ones expire; in place of
 *     `password` and `token`. If it throws, that counts as a failed attempt.
 * @property {string} [session] The `session` of an earlier client of the same name, whose connection
 *     the first one of this client replaces.
 * @property {(failures: number) => Promise<ChatError | undefined>} [check] Called after so many
 *     attempts in a row that did not open a WebSocket. It finds out why: it resolves with a reason
 *     that may not hold for the next attempt, if there is one, or rejects with one that does; then it
 *     is called again before the next attempt. After a reason with the code `refused`, a client that
 *     was never connected does not try again.
 * @property {boolean} [presence] Whether to hear who comes and goes.
 *
 * @typedef {object} Gap
 * @property {string} room
 * @property {number | null} missed How many messages, if that can be told.
 * @property {Position} before Up to where the room was known.
 * @property {Position} after The top of its log now.
 */

/** The members' commands of moderators. */
const MODERATION = ["kick", "mute", "unmute", "ban", "unban", "lock", "unlock", "topic"];

/** A client of one server, under one name. It connects when it is opened. */
export class Client extends EventTarget {
  #options;
  #connection;
  #outgoing = new OutgoingMessages((line) => this.#connection.send(line));
  #requests = new Requests(
    (command) => this.#connection.send(JSON.stringify(command)),
    () => this.#connection.online,
  );
  #rooms = new Rooms(
    this.#requests,
    this.#outgoing,
    () => this.#connection.online,
    (type, detail) => this.#tell(type, detail),
  );
  /** @type {string | undefined} */
  #session;
  /** @type {ChatError | undefined} */
  #refusal;

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
    this.#session = options.session;
    this.#connection = new Connection(href, {
      check: async (failures) => options.check?.(failures),
      hello: () => this.#hello(),
      received: (event) => Client.#HEAR.get(event.type)?.(this, event),
      lost: () => this.#lost(),
      changed: (state) => this.#changed(state),
    });
  }

  /** The name that was asked for; in a room it is what `joined` says. */
  get name() {
    return this.#options.name;
  }

  /** A secret with which another client of this name may replace this one's connection. */
  get session() {
    return this.#session;
  }

  /** @returns {State} */
  get state() {
    return this.#connection.state;
  }

  /** The rooms that the client is in or comes back to. */
  get rooms() {
    return this.#rooms.names;
  }

  /** How many messages are not acknowledged. */
  get unacknowledged() {
    return this.#outgoing.count;
  }

  /** Connect, and come back whenever the connection is lost; after an end, to the same rooms. */
  open() {
    this.#connection.open();
  }

  /** Disconnect for good. What is not acknowledged is rejected. No timer is left. */
  close() {
    this.#connection.end(1000, "closed");
  }

  /** Come back now, if the client waits to; else find out whether the server is there. */
  retry() {
    this.#connection.retry();
  }

  /**
   * Be in a room from now on, over all connections.
   *
   * @param {string} room
   * @param {{history?: number}} [options] How many of its last messages to hear first.
   * @returns {Promise<any>} The `joined` event, once the room is joined.
   */
  async join(room, { history = 0 } = {}) {
    this.#checkOpen();
    return this.#rooms.join(room, history);
  }

  /**
   * Be in a room no more. What was said there and is not acknowledged is rejected.
   *
   * @param {string} room
   */
  leave(room) {
    this.#rooms.leave(room);
  }

  /**
   * Say something in a room that was joined: now, or when the connection is back.
   *
   * @param {string} room
   * @param {string} text One line.
   * @returns {Promise<Receipt>} When the server's log has it. Rejects with a {@link ChatError}: one
   *     of the server's, or `too-much` waits already, or `unknown`, `left` or `ended`: it may have
   *     been said or not.
   */
  async say(room, text) {
    this.#checkOpen();
    const wanted = this.#rooms.get(room);
    if (wanted === undefined) throw new ChatError("not-joined", "not in that room");
    if (/[\r\n]/.test(text)) throw new ChatError("bad-command", "a message is one line");
    return this.#outgoing.add(this.#requests.nextId(), wanted, text);
  }

  /**
   * FieldDialog for kept messages: the first after a number, else the last before one, else the last.
   *
   * @param {string} room
   * @param {{after?: number, before?: number, limit?: number}} [which]
   * @returns {Promise<{room: string, epoch: string, seq: number, messages: any[]}>}
   */
  history(room, which = {}) {
    return this.#requests.ask({ type: "history", room, ...which });
  }

  /**
   * FieldDialog who is in a room.
   *
   * @param {string} room
   * @returns {Promise<{room: string, count: number, members: string[]}>}
   */
  who(room) {
    return this.#requests.ask({ type: "who", room });
  }

  /**
   * Moderate a room, if the server lets this user do so.
   *
   * @param {string} room
   * @param {string} action A command for moderators, see the protocol: `kick`, `mute` ...
   * @param {object} [fields] Those of the command, but for `room`.
   * @returns {Promise<any>} When it is done.
   */
  async moderate(room, action, fields = {}) {
    if (!MODERATION.includes(action)) throw new ChatError("bad-command", `no action: ${action}`);
    return this.#requests.ask({ ...fields, type: action, room });
  }

  /**
   * FieldDialog for the active mutes and bans of a room, if the server lets this user moderate it.
   *
   * @param {string} room
   * @returns {Promise<{room: string, sanctions: {kind: string, name: string | null, until: number,
   *     by: string | null}[]}>}
   */
  sanctions(room) {
    return this.#requests.ask({ type: "sanctions", room });
  }

  #checkOpen() {
    if (this.state.state === "ended") throw new ChatError("ended", "not connected");
  }

  // The connection.

  async #hello() {
    this.#refusal = undefined;
    const { name, presence } = this.#options;
    const credentials = await this.#credentials("connect");
    return { v: 1, name, presence, session: this.#session, ...credentials };
  }

  /**
   * @param {"connect" | "expiring"} why
   * @returns {Promise<Credentials>}
   */
  async #credentials(why) {
    const { password, token } = (await this.#options.credentials?.(why)) ?? this.#options;
    return { password, token };
  }

  #lost() {
    this.#rooms.lost();
    this.#requests.lost();
  }

  /** @param {State} state */
  #changed(state) {
    if (state.state === "waiting" || state.state === "ended") state.error ??= this.#refusal;
    if (state.state === "ended") {
      this.#rooms.ended(
        state.error ?? new ChatError("ended", `the chat has ended: ${state.reason}`),
      );
    }
    this.#tell("state", state);
  }

  // What is heard.

  /** @param {any} event */
  #welcomed(event) {
    this.#session = event.session;
    this.#outgoing.limit = event.limits?.line ?? LINE;
    this.#connection.welcomed();
    this.#rooms.welcomed();
  }

  /** @param {any} event */
  #message(event) {
    const room = this.#rooms.get(event.room);
    if (room?.joined && room.passes(event.seq)) this.#tell("message", event);
  }

  /** @param {any} event */
  #left(event) {
    if (!this.#requests.answered(event)) this.#rooms.removed(event);
  }

  /** @param {any} event */
  #refused(event) {
    const error = new ChatError(event.code, event.text);
    if (this.#outgoing.refused(event.id, error) || this.#requests.refused(event.id, error)) return;
    if (this.state.state === "connecting") this.#refusal = error;
    this.#tell("error", event);
  }

  /** @param {any} event */
  #expiring(event) {
    this.#tell("expiring", event);
    if (this.#options.credentials === undefined) return;
    this.#credentials("expiring")
      .then((credentials) => this.#requests.ask({ type: "auth", ...credentials }))
      .catch((error) => this.#tell("error", { code: error.code ?? "failed", text: error.message }));
  }

  /** @param {any} event */
  #bidden(event) {
    this.#tell("bye", event);
    this.#connection.putOff(event.retry ?? 0);
    if (event.reconnect === false) this.#connection.end(event.code, event.reason);
  }

  /**
   * @param {string} type
   * @param {any} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {any} event */
  #told(event) {
    this.#tell(event.type, event);
  }

  /** @param {any} event */
  #answered(event) {
    this.#requests.answered(event);
  }

  /** @type {Map<string, (client: Client, event: any) => void>} */
  static #HEAR = new Map([
    ["welcome", (client, event) => client.#welcomed(event)],
    ["joined", (client, event) => client.#answered(event)],
    ["message", (client, event) => client.#message(event)],
    ["ack", (client, event) => client.#outgoing.acknowledged(event)],
    ["left", (client, event) => client.#left(event)],
    ["history", (client, event) => client.#answered(event)],
    ["members", (client, event) => client.#answered(event)],
    ["authenticated", (client, event) => client.#answered(event)],
    ["sanctions", (client, event) => client.#answered(event)],
    ["done", (client, event) => client.#answered(event)],
    ["presence", (client, event) => client.#told(event)],
    ["room", (client, event) => client.#told(event)],
    ["expiring", (client, event) => client.#expiring(event)],
    ["error", (client, event) => client.#refused(event)],
    ["bye", (client, event) => client.#bidden(event)],
  ]);
}
