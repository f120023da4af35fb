// @ts-check
/**
 * The rooms of one client, which it rejoins on each connection.
 *
 * @module
 */

import { ChatError, Membership } from "./membership.js";
import { key } from "./names.js";

/** If an earlier connection is still in a room: the delay before the next attempt, milliseconds, and
 * the maximum number of attempts. */
const TAKEN = 5_000;
const MAX_TAKEN = 12;

/** After a temporary failure of the server: the first and the longest delay, milliseconds. */
const FAILED = 1_000;
const MAX_FAILED = 30_000;

/**
 * @param {Membership} room A room that could not be joined.
 * @param {ChatError} error
 * @returns {number | null} The delay before the next attempt, milliseconds, if there is one.
 */
function rejoinDelay(room, { code }) {
  if (room.position === null) return null; // the first join is reported to its caller
  if (code === "name-taken") return room.refused++ < MAX_TAKEN ? TAKEN : null;
  if (code === "failed" || code === "unknown")
    return Math.min(MAX_FAILED, FAILED * 2 ** Math.min(room.refused++, 10));
  return null;
}

export class Rooms {
  /** @type {Map<string, Membership>} */
  #rooms = new Map();
  #platform;
  #requests;
  #outgoing;
  #online;
  #dispatch;
  /** @type {Map<Membership, any>} */
  #rejoins = new Map();

  /**
   * @param {import("./platform.js").Platform} platform
   * @param {import("./requests.js").Requests} requests
   * @param {import("./outgoing.js").OutgoingMessages} outgoing
   * @param {() => boolean} online
   * @param {(type: string, detail: any) => void} tell
   */
  constructor(platform, requests, outgoing, online, tell) {
    this.#platform = platform;
    this.#requests = requests;
    this.#outgoing = outgoing;
    this.#online = online;
    this.#dispatch = tell;
  }

  get names() {
    return [...this.#rooms.values()].map((room) => room.name);
  }

  /** @param {string} name */
  get(name) {
    return this.#rooms.get(key(name));
  }

  /**
   * @param {string} name
   * @param {number} history
   * @param {string} [secret] The key of the room.
   * @returns {Promise<any>}
   */
  join(name, history, secret) {
    return new Promise((resolve, reject) => {
      const wanted = this.get(name) ?? this.#enter(new Membership(name, history, secret));
      if (wanted.joined !== null) resolve(wanted.joined);
      else wanted.waiting.push({ resolve, reject });
    });
  }

  /**
   * @param {string} name The name of a direct conversation.
   * @returns {Membership} The room, which is being joined if the client was not in it.
   */
  enter(name) {
    return this.get(name) ?? this.#enter(new Membership(name, 0));
  }

  /** @param {string} name */
  leave(name) {
    const left = this.get(name);
    if (left === undefined) return;
    this.#forget(left, new ChatError("left", "left the room"));
    if (left.joined) this.#requests.ask({ type: "leave", room: left.name }).catch(() => {});
  }

  /** Join all rooms, after the server's welcome. */
  welcomed() {
    for (const room of [...this.#rooms.values()]) this.#send(room);
  }

  /** Mark all rooms as not joined, because the connection is lost. */
  lost() {
    for (const timer of this.#rejoins.values()) this.#platform.clearTimeout(timer);
    this.#rejoins.clear();
    for (const room of this.#rooms.values()) room.joined = null;
  }

  /**
   * Reject everything that is waiting, because the client has ended. The rooms that it was in are
   * rejoined if it is opened again.
   *
   * @param {ChatError} error
   */
  ended(error) {
    for (const room of [...this.#rooms.values()]) {
      if (room.position === null) this.#forget(room, error);
      for (const outgoing of room.take()) this.#outgoing.refuse(outgoing, error);
    }
  }

  /**
   * Take up a direct conversation that the server has joined for the client, because of a new message.
   *
   * @param {any} event
   */
  invited(event) {
    const { room, epoch, seq, recovered, missed } = event;
    if (!room.startsWith("@") || this.get(room) !== undefined) return; // the client joins it itself
    const adopted = new Membership(room, 0);
    if (recovered) adopted.position = { epoch, seq: seq - (missed ?? 0) };
    this.#rooms.set(key(room), adopted);
    this.#joined(adopted, event);
  }

  /**
   * Record the new epoch of a room.
   *
   * @param {any} event
   */
  moved(event) {
    const room = this.get(event.room);
    if (!room?.joined) return;
    const { epoch, seq } = event;
    const seen = room.move({ epoch, seq });
    this.#dispatch("moved", event);
    if (seen === seq) return;
    const before = { epoch, seq: seen };
    this.#dispatch("gap", { room: room.name, missed: seq - seen, before, after: { epoch, seq } });
  }

  /**
   * Forget a room from which the server has removed the client.
   *
   * @param {any} event
   */
  removed(event) {
    const room = this.get(event.room);
    if (room === undefined) return;
    this.#forget(room, new ChatError("left", event.reason ?? "removed from the room"));
    this.#dispatch("left", event);
  }

  /** @param {Membership} room */
  #enter(room) {
    this.#rooms.set(key(room.name), room);
    this.#send(room);
    return room;
  }

  /** @param {Membership} room */
  #send(room) {
    if (!this.#online()) return;
    const which = room.position ? { since: room.position } : { history: room.history };
    this.#requests.put(
      { type: "join", room: room.name, ...which, key: room.key },
      {
        resolve: (joined) => this.#joined(room, joined),
        reject: (error) => this.#notJoined(room, error),
      },
    );
  }

  /**
   * @param {Membership} room
   * @param {any} event
   */
  #joined(room, event) {
    if (this.get(room.name) !== room) {
      // the client left the room while it was being joined
      this.#requests.ask({ type: "leave", room: event.room }).catch(() => {});
      return;
    }
    this.#rooms.delete(key(room.name));
    this.#rooms.set(key(event.room), room);
    const before = room.position;
    const complete = room.markJoined(event);
    if (!complete && before !== null) {
      const after = { epoch: event.epoch, seq: event.seq };
      this.#dispatch("gap", { room: event.room, missed: event.missed ?? null, before, after });
    }
    this.#dispatch("joined", event);
    for (const { resolve } of room.waiting.splice(0)) resolve(event);
    this.#outgoing.sendMore(room);
  }

  /**
   * @param {Membership} room
   * @param {ChatError} error
   */
  #notJoined(room, error) {
    if (error.code === "lost" || this.get(room.name) !== room) return;
    const delay = rejoinDelay(room, error);
    if (delay !== null) {
      this.#rejoins.set(
        room,
        this.#platform.setTimeout(() => this.#rejoin(room), delay),
      );
      return;
    }
    this.#forget(room, error);
    if (room.position !== null) {
      this.#dispatch("left", { room: room.name, code: error.code, text: error.message });
    }
  }

  /** @param {Membership} room */
  #rejoin(room) {
    this.#rejoins.delete(room);
    this.#send(room);
  }

  /**
   * @param {Membership} room
   * @param {ChatError} error
   */
  #forget(room, error) {
    this.#rooms.delete(key(room.name));
    this.#platform.clearTimeout(this.#rejoins.get(room));
    this.#rejoins.delete(room);
    for (const outgoing of room.take()) this.#outgoing.refuse(outgoing, error);
    for (const { reject } of room.waiting.splice(0)) reject(error);
  }
}
