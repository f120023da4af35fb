// @ts-check
/**
 * A client of a MaChat server: it reconnects, recovers missed messages, and resends unacknowledged
 * messages. It runs in browsers and in Node, and needs only these modules next to it: `clock.js`,
 * `connection.js`, `events.js`, `membership.js`, `outgoing.js`, `platform.js`, `requests.js`,
 * `rooms.js` and `socket.js`.
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
 * message once: `message`, `joined`, `presence`, `room`, `moved`, `left`, `error`, `bye` and `expiring`.
 * The client itself dispatches these events:
 *
 * - `state`: `detail` is a {@link State};
 * - `gap`: messages of a room were missed and are not replayed; `detail` is a {@link Gap};
 * - `left` with a `code` and a `text`: a room could not be rejoined.
 *
 * @module
 */

import { Connection } from "./connection.js";
import { ClientEventTarget } from "./events.js";
import { ChatError } from "./membership.js";
import { platformWith } from "./platform.js";
import { Requests } from "./requests.js";
import { key, Rooms } from "./rooms.js";
import { LINE, OutgoingMessages } from "./outgoing.js";

export { ChatError, key };

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
 * @typedef {import("./platform.js").Platform} Platform
 * @typedef {import("./platform.js").SocketClass} SocketClass
 * @typedef {{password?: string, token?: string}} Credentials
 *
 * @typedef {object} Options
 * @property {string} name
 * @property {string} [password]
 * @property {string} [token]
 * @property {(why: "connect" | "expiring") => Credentials | Promise<Credentials>} [credentials]
 *     Called for each connection, and before the last credentials expire. It replaces `password` and
 *     `token`. If it throws, the attempt has failed. If the error has the code `logged-out`, or has the
 *     code `refused` and the client was never connected, the client ends.
 * @property {string} [session] The `session` of an earlier client with the same name. The first
 *     connection of this client replaces the connection of that one.
 * @property {(failures: number) => Promise<ChatError | undefined>} [check] Diagnoses why
 *     WebSockets could not be opened. It is called with the number of failures in a row. If the next
 *     attempt may succeed, the promise is fulfilled with the reason, if known. Otherwise it is rejected
 *     with the reason, and `check` is called again before the next attempt. After a
 *     reason with the code `refused`, a client that was never connected does not try again.
 * @property {boolean} [presence] Whether to receive presence updates.
 * @property {SocketClass} [WebSocket] The class of its connections. Node has a global `WebSocket` since
 *     version 22; in Node 20, pass that of the package `ws`.
 * @property {Partial<Platform>} [platform] Replaces timers, clocks and random numbers, for tests.
 */

/** The moderation commands on members and rooms. */
const MODERATION = ["kick", "mute", "unmute", "ban", "unban", "lock", "unlock", "topic"];

/** The longest session secret that is stored, characters. */
const SECRET = 256;

/** A client of one server, under one name. It connects when it is opened. */
export class Client extends ClientEventTarget {
  #options;
  #connection;
  #outgoing;
  #requests = new Requests(
    (command) => this.#connection.send(JSON.stringify(command)),
    () => this.#connection.online,
  );
  #rooms;
  /** @type {string | undefined} */
  #session;
  /** @type {ChatError | undefined} */
  #refusal;
  /** The reactions to the server's events. @type {Map<string, (event: any) => void>} */
  #reactions = new Map([
    ["welcome", (event) => this.#welcomed(event)],
    ["joined", (event) => this.#answered(event)],
    ["message", (event) => this.#message(event)],
    ["moved", (event) => this.#rooms.moved(event)],
    ["ack", (event) => this.#outgoing.acknowledged(event)],
    ["left", (event) => this.#left(event)],
    ["history", (event) => this.#answered(event)],
    ["members", (event) => this.#answered(event)],
    ["authenticated", (event) => this.#answered(event)],
    ["sanctions", (event) => this.#answered(event)],
    ["done", (event) => this.#answered(event)],
    ["presence", (event) => this.#dispatch("presence", event)],
    ["room", (event) => this.#dispatch("room", event)],
    ["expiring", (event) => this.#expiring(event)],
    ["error", (event) => this.#refused(event)],
    ["bye", (event) => this.#bidden(event)],
  ]);

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
    const platform = platformWith({ WebSocket: options.WebSocket, ...options.platform });
    this.#outgoing = new OutgoingMessages(platform, (line) => this.#connection.send(line));
    this.#rooms = new Rooms(
      platform,
      this.#requests,
      this.#outgoing,
      () => this.#connection.online,
      (type, detail) => this.#dispatch(type, detail),
    );
    this.#connection = new Connection(platform, href, {
      check: async (failures) => options.check?.(failures),
      hello: () => this.#hello(),
      received: (event) => this.#reactions.get(event.type)?.(event),
      lost: () => this.#lost(),
      changed: (state) => this.#changed(state),
    });
  }

  /** The requested name. The name in a room is in its `joined` event. */
  get name() {
    return this.#options.name;
  }

  /** A secret with which another client can take over this client's connection. */
  get session() {
    return this.#session;
  }

  /** @returns {State} */
  get state() {
    return this.#connection.state;
  }

  /** The rooms that the client is in or rejoins. */
  get rooms() {
    return this.#rooms.names;
  }

  /** The number of unacknowledged messages. */
  get unacknowledged() {
    return this.#outgoing.count;
  }

  /** Connect, and reconnect whenever the connection is lost. After an end, rejoin the same rooms. */
  open() {
    this.#connection.open();
  }

  /** Disconnect, and do not reconnect. Unacknowledged messages are rejected. No timer is left. */
  close() {
    this.#connection.end(1000, "closed");
  }

  /** Reconnect now if the client is waiting to; otherwise check whether the server is alive. */
  retry() {
    this.#connection.retry();
  }

  /**
   * Join a room, and rejoin it on every later connection.
   *
   * @param {string} room
   * @param {{history?: number}} [options] The number of its last messages to receive first.
   * @returns {Promise<Joined>} The `joined` event, once the room is joined.
   */
  async join(room, { history = 0 } = {}) {
    this.#checkOpen();
    return this.#rooms.join(room, history);
  }

  /**
   * Leave a room. Its unacknowledged messages are rejected.
   *
   * @param {string} room
   */
  leave(room) {
    this.#rooms.leave(room);
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
  async say(room, text, { data, reply } = {}) {
    this.#checkOpen();
    const wanted = this.#rooms.get(room);
    if (wanted === undefined) throw new ChatError("not-joined", "not in that room");
    const extras = structuredClone({ data, reply });
    return this.#outgoing.add(this.#requests.nextId(), wanted, text, extras);
  }

  /**
   * Request stored messages: the first after a number, the last before a number, or the last.
   *
   * @param {string} room
   * @param {{after?: number, before?: number, limit?: number}} [which]
   * @returns {Promise<History>}
   */
  history(room, which = {}) {
    return this.#requests.ask({ type: "history", room, ...which });
  }

  /**
   * Request the members of a room.
   *
   * @param {string} room
   * @returns {Promise<{room: string, count: number, members: string[]}>}
   */
  who(room) {
    return this.#requests.ask({ type: "who", room });
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
    return this.#requests.ask({ ...fields, type: action, room });
  }

  /**
   * Request the active mutes and bans of a room, if the server permits it to this user.
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
    this.#outgoing.lost();
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
    this.#dispatch("state", state);
  }

  // The server's events.

  /** @param {any} event */
  #welcomed(event) {
    this.#session = event.session?.length <= SECRET ? event.session : undefined;
    this.#outgoing.limit = event.limits?.line ?? LINE;
    this.#connection.welcomed();
    this.#rooms.welcomed();
  }

  /** @param {any} event */
  #message(event) {
    const room = this.#rooms.get(event.room);
    if (room?.joined && room.accept(event.seq)) this.#dispatch("message", event);
  }

  /** @param {any} event */
  #left(event) {
    if (!this.#requests.answered(event)) this.#rooms.removed(event);
  }

  /** @param {any} event */
  #refused(event) {
    const error = new ChatError(event.code, event.text);
    if (this.#outgoing.refused(event.id, error, event.retry)) return;
    if (this.#requests.refused(event.id, error)) return;
    if (this.state.state === "connecting") this.#refusal = error;
    this.#dispatch("error", event);
  }

  /** @param {any} event */
  #expiring(event) {
    this.#dispatch("expiring", event);
    if (this.#options.credentials === undefined) return;
    this.#credentials("expiring")
      .then((credentials) => this.#requests.ask({ type: "auth", ...credentials }))
      .catch((error) =>
        this.#dispatch("error", { code: error.code ?? "failed", text: error.message }),
      );
  }

  /** @param {any} event */
  #bidden(event) {
    this.#dispatch("bye", event);
    this.#connection.postpone(event.retry ?? 0);
    if (event.reconnect === false) this.#connection.end(event.code, event.reason);
  }

  /**
   * @param {string} type
   * @param {any} detail
   */
  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {any} event */
  #answered(event) {
    this.#requests.answered(event);
  }
}
