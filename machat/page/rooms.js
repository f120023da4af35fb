// @ts-check
/**
 * The rooms of one client: joined on each connection again.
 *
 * @module
 */

import { ChatError, Membership } from "./membership.js";

/** If the server still sees our earlier connection in a room: milliseconds until the next attempt,
 * and the most attempts. */
const REJOIN = 5_000;
const REJOINS = 12;

/**
 * @param {string} name Of a member or a room.
 * @returns {string} What names are compared by. A server's own comparison may find a few more names
 *     to be one, never fewer.
 */
export function key(name) {
  return name.normalize("NFKC").toLowerCase().normalize("NFKC");
}

export class Rooms {
  /** @type {Map<string, Membership>} */
  #rooms = new Map();
  #requests;
  #outgoing;
  #online;
  #tell;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #rejoinTimer;

  /**
   * @param {import("./requests.js").Requests} requests
   * @param {import("./outgoing.js").OutgoingMessages} outgoing
   * @param {() => boolean} online
   * @param {(type: string, detail: any) => void} tell
   */
  constructor(requests, outgoing, online, tell) {
    this.#requests = requests;
    this.#outgoing = outgoing;
    this.#online = online;
    this.#tell = tell;
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
   * @returns {Promise<any>}
   */
  join(name, history) {
    return new Promise((resolve, reject) => {
      let wanted = this.get(name);
      if (wanted === undefined) {
        wanted = new Membership(name, history);
        this.#rooms.set(key(name), wanted);
        this.#send(wanted);
      }
      if (wanted.joined !== null) resolve(wanted.joined);
      else wanted.waiting.push({ resolve, reject });
    });
  }

  /** @param {string} name */
  leave(name) {
    const left = this.get(name);
    if (left === undefined) return;
    this.#forget(left, new ChatError("left", "left the room"));
    if (left.joined) this.#requests.ask({ type: "leave", room: left.name }).catch(() => {});
  }

  /** There is a connection again. */
  welcomed() {
    for (const room of [...this.#rooms.values()]) this.#send(room);
  }

  /** The connection is lost. */
  lost() {
    clearTimeout(this.#rejoinTimer);
    this.#rejoinTimer = undefined;
    for (const room of this.#rooms.values()) room.joined = null;
  }

  /**
   * The client has ended. Rooms that it has been in are joined again if it is opened again.
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
   * The server says that we are in a room no more.
   *
   * @param {any} event
   */
  removed(event) {
    const room = this.get(event.room);
    if (room === undefined) return;
    this.#forget(room, new ChatError("left", event.reason ?? "removed from the room"));
    this.#tell("left", event);
  }

  /** @param {Membership} room */
  #send(room) {
    if (!this.#online()) return;
    const which = room.position ? { since: room.position } : { history: room.history };
    this.#requests.put(
      { type: "join", room: room.name, ...which },
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
      // left while it was joined
      this.#requests.ask({ type: "leave", room: event.room }).catch(() => {});
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
    this.#outgoing.sendMore(room);
  }

  /**
   * @param {Membership} room
   * @param {ChatError} error
   */
  #notJoined(room, error) {
    if (error.code === "lost" || this.get(room.name) !== room) return;
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
    for (const room of [...this.#rooms.values()]) if (room.refused > 0) this.#send(room);
  }

  /**
   * @param {Membership} room
   * @param {ChatError} error
   */
  #forget(room, error) {
    this.#rooms.delete(key(room.name));
    for (const outgoing of room.take()) this.#outgoing.refuse(outgoing, error);
    for (const { reject } of room.waiting.splice(0)) reject(error);
  }
}
