// @ts-check
/**
 * The state of one room across all connections of a client: its position in the log, and its
 * unacknowledged messages.
 *
 * @module
 */

/** The maximum number of a room's messages in flight, and the time for which one may be resent,
 * milliseconds. Both are within the server's deduplication. */
const WINDOW = 50;
const RESEND = 100_000;

/** A refusal, by the server or by this client. */
export class ChatError extends Error {
  /**
   * @param {string} code A code of the protocol, or one of this client: `ended`, `left`, `lost`,
   *     `too-much`, `unknown`.
   * @param {string} text One line for a person.
   */
  constructor(code, text) {
    super(text);
    this.name = "ChatError";
    this.code = code;
  }
}

/**
 * @typedef {{epoch: string, seq: number}} Position A position in a room's log.
 * @typedef {{room: string, seq: number, duplicate: boolean}} Receipt The acknowledgement of a message.
 */

/**
 * @template T
 * @typedef {{resolve: (value: T) => void, reject: (error: ChatError) => void}} Waiting
 */

/** An unacknowledged message. */
export class Outgoing {
  /** The time when it was first sent, or `null`. @type {number | null} */
  sent = null;
  /** Whether its outcome is known. */
  settled = false;

  /**
   * @param {string} id
   * @param {Membership} room
   * @param {string} text
   * @param {Waiting<Receipt>} waiting
   */
  constructor(id, room, text, waiting) {
    this.id = id;
    this.room = room;
    this.text = text;
    this.waiting = waiting;
  }
}

export class Membership {
  /** The position of the last message received; `null` before the first join. @type {Position | null} */
  position = null;
  /** The `joined` event of the current connection, or `null`. @type {any} */
  joined = null;
  /** The number of refused attempts to rejoin, in a row. */
  refused = 0;
  /** The promises that wait for the join. @type {Waiting<any>[]} */
  waiting = [];
  /** @type {Outgoing[]} */
  #sent = [];
  /** @type {Outgoing[]} */
  #queued = [];

  /**
   * @param {string} name The name. Replaced by the server's spelling once that is known.
   * @param {number} history The number of messages to receive on the first join.
   */
  constructor(name, history) {
    this.name = name;
    this.history = history;
  }

  /**
   * Record that the room is joined, for the first time or again.
   *
   * @param {{room: string, epoch: string, seq: number, recovered?: boolean}} joined
   * @returns {boolean} Whether no message was missed.
   */
  markJoined(joined) {
    const { room, epoch, seq, recovered } = joined;
    const first = this.position === null;
    this.name = room;
    this.joined = joined;
    this.refused = 0;
    if (first)
      this.position = { epoch, seq: Math.max(0, seq - this.history) }; // the replayed messages follow
    else if (!recovered) this.position = { epoch, seq };
    this.#queued.unshift(...this.#sent.splice(0));
    return first || recovered === true;
  }

  /**
   * Record that the message with this number was received.
   *
   * @param {number} seq
   * @returns {boolean} Whether it is new.
   */
  accept(seq) {
    if (this.position === null || seq <= this.position.seq) return false;
    this.position = { epoch: this.position.epoch, seq };
    return true;
  }

  /**
   * Send a message after all that were added before.
   *
   * @param {Outgoing} outgoing
   */
  add(outgoing) {
    this.#queued.push(outgoing);
  }

  /**
   * Yield the messages to send now. A message that was first sent too long ago is refused.
   *
   * @param {number} now
   * @param {(outgoing: Outgoing, error: ChatError) => void} refuse
   */
  *due(now, refuse) {
    this.#sent = this.#sent.filter((each) => !each.settled);
    while (this.joined !== null && this.#sent.length < WINDOW) {
      const next = this.#queued.shift();
      if (next === undefined) return;
      if (next.settled) continue;
      if (next.sent !== null && now - next.sent > RESEND) {
        refuse(next, new ChatError("unknown", "the message may have been published, or not"));
      } else {
        next.sent ??= now;
        this.#sent.push(next);
        yield next;
      }
    }
  }

  /** Remove and return the unacknowledged messages. */
  take() {
    return [...this.#sent.splice(0), ...this.#queued.splice(0)].filter((each) => !each.settled);
  }
}
