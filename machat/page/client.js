// @ts-check
/**
 * A client of a MaChat server that loses nothing: it reconnects, recovers what it missed, and sends
 * again what was not acknowledged. It needs no page, and nothing but `connection.js`, `line.js` and
 * `membership.js` beside it.
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
import { ChatError, Membership, Outgoing } from "./membership.js";

export { ChatError };

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
 * @property {boolean} [presence] Whether to hear who comes and goes.
 *
 * @typedef {object} Gap
 * @property {string} room
 * @property {number | null} missed How many messages, if that can be told.
 * @property {Position} before Up to where the room was known.
 * @property {Position} after The top of its log now.
 */

/** How often, and how many times, to try a room again in which the server still sees our earlier
 * connection. */
const REJOIN = 5_000;
const REJOINS = 12;

/** What may wait to be acknowledged, messages and characters; what may wait to be answered. */
const UNACKNOWLEDGED = 1_000;
const UNACKNOWLEDGED_SIZE = 1_048_576;
const QUESTIONS = 100;

/** A longer line than this no server takes by default. */
const LINE = 65_536;

const ENCODER = new TextEncoder();

/**
 * @param {string} name Of a member or a room.
 * @returns {string} What names are compared by. A server's own comparison may find a few more names
 *     to be one, never fewer.
 */
export function key(name) {
  return name.normalize("NFKC").toLowerCase().normalize("NFKC");
}

/** A client of one server, under one name. It connects when it is opened. */
export class Client extends EventTarget {
  #options;
  #connection;
  /** @type {Map<string, Membership>} */
  #rooms = new Map();
  /** @type {Map<string, Outgoing>} */
  #unsent = new Map();
  #size = 0;
  /** @type {Map<string, import("./membership.js").Waiting<any>>} */
  #questions = new Map();
  #prefix = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
  #count = 0;
  /** @type {string | undefined} */
  #session;
  /** @type {ChatError | undefined} */
  #refusal;
  #limit = LINE;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #rejoinTimer;

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
    this.#connection = new Connection(href, {
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

  /** @returns {State} */
  get state() {
    return this.#connection.state;
  }

  /** The rooms that the client is in or comes back to. */
  get rooms() {
    return [...this.#rooms.values()].map((room) => room.name);
  }

  /** How many messages are not acknowledged. */
  get unacknowledged() {
    return this.#unsent.size;
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
  join(room, { history = 0 } = {}) {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      let wanted = this.#rooms.get(key(room));
      if (wanted === undefined) {
        wanted = new Membership(room, history);
        this.#rooms.set(key(room), wanted);
        this.#sendJoin(wanted);
      }
      if (wanted.joined !== null) resolve(wanted.joined);
      else wanted.waiting.push({ resolve, reject });
    });
  }

  /**
   * Be in a room no more. What was said there and is not acknowledged is rejected.
   *
   * @param {string} room
   */
  leave(room) {
    const left = this.#rooms.get(key(room));
    if (left === undefined) return;
    this.#forget(left, new ChatError("left", "left the room"));
    if (left.joined) this.#ask({ type: "leave", room: left.name }).catch(() => {});
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
  say(room, text) {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      const wanted = this.#rooms.get(key(room));
      if (wanted === undefined) throw new ChatError("not-joined", "not in that room");
      if (/[\r\n]/.test(text)) throw new ChatError("bad-command", "a message is one line");
      if (this.#unsent.size >= UNACKNOWLEDGED || this.#size + text.length > UNACKNOWLEDGED_SIZE) {
        throw new ChatError("too-much", "too many messages wait to be sent");
      }
      const outgoing = new Outgoing(this.#nextId(), wanted, text, { resolve, reject });
      this.#unsent.set(outgoing.id, outgoing);
      this.#size += text.length;
      wanted.add(outgoing);
      this.#sendMore(wanted);
    });
  }

  /**
   * Ask for kept messages: the first after a number, else the last before one, else the last.
   *
   * @param {string} room
   * @param {{after?: number, before?: number, limit?: number}} [which]
   * @returns {Promise<{room: string, epoch: string, seq: number, messages: any[]}>}
   */
  history(room, which = {}) {
    return this.#ask({ type: "history", room, ...which });
  }

  /**
   * Ask who is in a room.
   *
   * @param {string} room
   * @returns {Promise<{room: string, count: number, members: string[]}>}
   */
  who(room) {
    return this.#ask({ type: "who", room });
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
    clearTimeout(this.#rejoinTimer);
    this.#rejoinTimer = undefined;
    for (const room of this.#rooms.values()) room.joined = null;
    const questions = [...this.#questions.values()];
    this.#questions.clear();
    for (const { reject } of questions) reject(new ChatError("lost", "the connection was lost"));
  }

  /** @param {State} state */
  #changed(state) {
    if (state.state === "ended") {
      state.error = this.#refusal;
      const error = state.error ?? new ChatError("ended", `the chat has ended: ${state.reason}`);
      for (const room of [...this.#rooms.values()]) {
        if (room.position === null) this.#forget(room, error);
        for (const outgoing of room.take()) this.#refuse(outgoing, error);
      }
    }
    this.#tell("state", state);
  }

  // What is heard.

  /** @param {any} event */
  #welcomed(event) {
    this.#session = event.session;
    this.#limit = event.limits?.line ?? LINE;
    this.#connection.welcomed();
    for (const room of [...this.#rooms.values()]) this.#sendJoin(room);
  }

  /** @param {any} event */
  #message(event) {
    const room = this.#rooms.get(key(event.room));
    if (room?.joined && room.passes(event.seq)) this.#tell("message", event);
  }

  /** @param {any} event */
  #acknowledged(event) {
    const outgoing = this.#unsent.get(event.id);
    if (outgoing === undefined) return;
    this.#settle(outgoing);
    outgoing.waiting.resolve(event);
    this.#sendMore(outgoing.room);
  }

  /** @param {any} event The answer to a question. */
  #answered(event) {
    const question = this.#questions.get(event.id);
    this.#questions.delete(event.id);
    question?.resolve(event);
    return question !== undefined;
  }

  /** @param {any} event */
  #left(event) {
    if (this.#answered(event)) return;
    const room = this.#rooms.get(key(event.room));
    if (room !== undefined) {
      this.#forget(room, new ChatError("left", event.reason ?? "removed from the room"));
      this.#tell("left", event);
    }
  }

  /** @param {any} event */
  #refused(event) {
    const error = new ChatError(event.code, event.text);
    const outgoing = this.#unsent.get(event.id);
    const question = this.#questions.get(event.id);
    if (outgoing !== undefined) {
      this.#refuse(outgoing, error);
      this.#sendMore(outgoing.room);
    } else if (question !== undefined) {
      this.#questions.delete(event.id);
      question.reject(error);
    } else {
      if (this.state.state === "connecting") this.#refusal = error;
      this.#tell("error", event);
    }
  }

  /** @param {any} event */
  #expiring(event) {
    this.#tell("expiring", event);
    if (this.#options.credentials === undefined) return;
    this.#credentials("expiring")
      .then((credentials) => this.#ask({ type: "auth", ...credentials }))
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

  // Rooms.

  /** @param {Membership} room */
  #sendJoin(room) {
    if (!this.#connection.online) return;
    const which = room.position ? { since: room.position } : { history: room.history };
    const id = this.#nextId();
    this.#questions.set(id, {
      resolve: (joined) => this.#joined(room, joined),
      reject: (error) => this.#notJoined(room, error),
    });
    this.#send({ type: "join", room: room.name, ...which, id });
  }

  /**
   * @param {Membership} room
   * @param {any} event
   */
  #joined(room, event) {
    if (this.#rooms.get(key(room.name)) !== room) {
      // left while it was joined
      this.#ask({ type: "leave", room: event.room }).catch(() => {});
      return;
    }
    this.#rooms.delete(key(room.name));
    this.#rooms.set(key(event.room), room);
    const before = room.position;
    const whole = room.enter(event);
    if (!whole && before !== null) {
      const after = { epoch: event.epoch, seq: event.seq };
      this.#tell("gap", { room: event.room, missed: event.missed ?? null, before, after });
    }
    this.#tell("joined", event);
    for (const { resolve } of room.waiting.splice(0)) resolve(event);
    this.#sendMore(room);
  }

  /**
   * @param {Membership} room
   * @param {ChatError} error
   */
  #notJoined(room, error) {
    if (error.code === "lost" || this.#rooms.get(key(room.name)) !== room) return;
    if (error.code === "name-taken" && room.position !== null && room.refused++ < REJOINS) {
      this.#rejoinTimer ??= setTimeout(() => this.#rejoin(), REJOIN);
      return;
    }
    this.#forget(room, error);
    if (room.position !== null) {
      this.#tell("left", { room: room.name, code: error.code, text: error.message });
    }
  }

  #rejoin() {
    this.#rejoinTimer = undefined;
    for (const room of [...this.#rooms.values()]) if (room.refused > 0) this.#sendJoin(room);
  }

  /**
   * @param {Membership} room
   * @param {ChatError} error
   */
  #forget(room, error) {
    this.#rooms.delete(key(room.name));
    for (const outgoing of room.take()) this.#refuse(outgoing, error);
    for (const { reject } of room.waiting.splice(0)) reject(error);
  }

  // What is sent.

  /** @param {Membership} room */
  #sendMore(room) {
    for (const outgoing of room.due(Date.now(), (...late) => this.#refuse(...late))) {
      const { id, text } = outgoing;
      const line = JSON.stringify({ type: "say", room: room.name, text: wellFormed(text), id });
      if (ENCODER.encode(line).length <= this.#limit) this.#connection.send(line);
      else this.#refuse(outgoing, new ChatError("too-long", "the message is too long"));
    }
  }

  /**
   * @param {object} command
   * @returns {Promise<any>} The answer.
   */
  #ask(command) {
    return new Promise((resolve, reject) => {
      if (!this.#connection.online) throw new ChatError("lost", "not connected");
      if (this.#questions.size >= QUESTIONS) throw new ChatError("too-much", "too many questions");
      const id = this.#nextId();
      this.#questions.set(id, { resolve, reject });
      this.#send({ ...command, id });
    });
  }

  /** @param {object} command */
  #send(command) {
    this.#connection.send(JSON.stringify(command));
  }

  #nextId() {
    return `${this.#prefix}-${++this.#count}`;
  }

  /** @param {Outgoing} outgoing */
  #settle(outgoing) {
    outgoing.settled = true;
    this.#unsent.delete(outgoing.id);
    this.#size -= outgoing.text.length;
  }

  /**
   * @param {Outgoing} outgoing
   * @param {ChatError} error
   */
  #refuse(outgoing, error) {
    this.#settle(outgoing);
    outgoing.waiting.reject(error);
  }

  /** @type {Map<string, (client: Client, event: any) => void>} */
  static #HEAR = new Map([
    ["welcome", (client, event) => client.#welcomed(event)],
    ["joined", (client, event) => client.#answered(event)],
    ["message", (client, event) => client.#message(event)],
    ["ack", (client, event) => client.#acknowledged(event)],
    ["left", (client, event) => client.#left(event)],
    ["history", (client, event) => client.#answered(event)],
    ["members", (client, event) => client.#answered(event)],
    ["authenticated", (client, event) => client.#answered(event)],
    ["presence", (client, event) => client.#told(event)],
    ["room", (client, event) => client.#told(event)],
    ["expiring", (client, event) => client.#expiring(event)],
    ["error", (client, event) => client.#refused(event)],
    ["bye", (client, event) => client.#bidden(event)],
  ]);
}

/**
 * @param {string} text
 * @returns {string} The text with U+FFFD for half characters, which UTF-8 cannot say.
 */
function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
