// @ts-check
/**
 * The parts of a client: its connection, its rooms, its requests and its unacknowledged messages. It
 * reacts to the server's events, and dispatches those of the client.
 *
 * @module
 */

import { Connection } from "./connection.js";
import { ChatError } from "./membership.js";
import { LINE, OutgoingMessages } from "./outgoing.js";
import { platformWith } from "./platform.js";
import { Requests } from "./requests.js";
import { Rooms } from "./rooms.js";

/**
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./events.js").Credentials} Credentials
 * @typedef {import("./events.js").Options} Options
 */

/** The events with a number in the sequence of a room; those that answer a request; and those that the
 * client only dispatches. */
const ENTRIES = ["message", "edited", "redacted", "reacted"];
const ANSWERS = ["history", "members", "authenticated", "sanctions", "done", "rooms"];
const NOTICES = ["presence", "room", "typing", "conversations"];

/** The longest session secret that is stored, characters. */
const SECRET = 256;

export class ClientCore {
  connection;
  requests = new Requests(
    (command) => this.connection.send(JSON.stringify(command)),
    () => this.connection.online,
  );
  rooms;
  outgoing;
  /** The secret for a later client. @type {string | undefined} */
  session;
  /** The time for which an author may change a message, seconds. */
  editTime = Infinity;
  #options;
  #dispatch;
  /** @type {ChatError | undefined} */
  #refusal;
  /** The reactions to the server's events. @type {Map<string, (event: any) => void>} */
  #reactions = new Map([
    ["welcome", (event) => this.#welcomed(event)],
    ["joined", (event) => this.requests.answered(event) || this.rooms.invited(event)],
    ["read", (event) => this.requests.answered(event) || this.#dispatch("read", event)],
    ["moved", (event) => this.rooms.moved(event)],
    ["ack", (event) => this.outgoing.acknowledged(event)],
    ["left", (event) => this.#left(event)],
    ["expiring", (event) => this.#expiring(event)],
    ["error", (event) => this.#refused(event)],
    ["bye", (event) => this.#bidden(event)],
  ]);

  /**
   * @param {string} url
   * @param {Options} options
   * @param {(type: string, detail: any) => void} dispatch Dispatches an event of the client.
   */
  constructor(url, options, dispatch) {
    this.#options = options;
    this.#dispatch = dispatch;
    this.session = options.session;
    for (const type of ENTRIES) this.#reactions.set(type, (event) => this.#entry(event));
    for (const type of ANSWERS) this.#reactions.set(type, (event) => this.requests.answered(event));
    for (const type of NOTICES) this.#reactions.set(type, (event) => dispatch(type, event));
    const platform = platformWith({ WebSocket: options.WebSocket, ...options.platform });
    this.outgoing = new OutgoingMessages(platform, (line) => this.connection.send(line));
    this.rooms = new Rooms(
      platform,
      this.requests,
      this.outgoing,
      () => this.connection.online,
      dispatch,
    );
    this.connection = new Connection(platform, url, {
      check: async (failures) => options.check?.(failures),
      hello: () => this.#hello(),
      received: (event) => this.#reactions.get(event.type)?.(event),
      lost: () => this.#lost(),
      changed: (state) => this.#changed(state),
    });
  }

  // The connection.

  async #hello() {
    this.#refusal = undefined;
    const { name, presence } = this.#options;
    const credentials = await this.#credentials("connect");
    return { v: 1, name, presence, session: this.session, ...credentials };
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
    this.rooms.lost();
    this.outgoing.lost();
    this.requests.lost();
  }

  /** @param {State} state */
  #changed(state) {
    if (state.state === "waiting" || state.state === "ended") state.error ??= this.#refusal;
    if (state.state === "ended") {
      this.rooms.ended(
        state.error ?? new ChatError("ended", `the chat has ended: ${state.reason}`),
      );
    }
    this.#dispatch("state", state);
  }

  // The server's events.

  /** @param {any} event */
  #welcomed(event) {
    this.session = event.session?.length <= SECRET ? event.session : undefined;
    this.outgoing.limit = event.limits?.line ?? LINE;
    this.editTime = event.limits?.edit ?? Infinity;
    this.connection.welcomed();
    this.rooms.welcomed();
  }

  /** @param {any} event */
  #entry(event) {
    const room = this.rooms.get(event.room);
    if (room?.joined && room.accept(event.seq)) this.#dispatch(event.type, event);
  }

  /** @param {any} event */
  #left(event) {
    if (!this.requests.answered(event)) this.rooms.removed(event);
  }

  /** @param {any} event */
  #refused(event) {
    const error = new ChatError(event.code, event.text);
    if (this.outgoing.refused(event.id, error, event.retry)) return;
    if (this.requests.refused(event.id, error)) return;
    if (this.connection.state.state === "connecting") this.#refusal = error;
    this.#dispatch("error", event);
  }

  /** @param {any} event */
  #expiring(event) {
    this.#dispatch("expiring", event);
    if (this.#options.credentials === undefined) return;
    this.#credentials("expiring")
      .then((credentials) => this.requests.ask({ type: "auth", ...credentials }))
      .catch((error) =>
        this.#dispatch("error", { code: error.code ?? "failed", text: error.message }),
      );
  }

  /** @param {any} event */
  #bidden(event) {
    this.#dispatch("bye", event);
    this.connection.postpone(event.retry ?? 0);
    if (event.reconnect === false) this.connection.end(event.code, event.reason);
  }
}
