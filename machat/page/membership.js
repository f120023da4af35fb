// @ts-check
/**
 * The state of one room across all connections of a client: its position, and its
 * unacknowledged messages.
 *
 * @module
 */

/** The maximum number of a room's messages in flight, and the time for which one may be resent,
 * milliseconds. Both are within the server's deduplication. */
const WINDOW = 50;
export const RESEND = 100_000;

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

/** @returns {ChatError} The reason why a message is not sent again. */
export function outcomeUnknown() {
  return new ChatError("unknown", "the message may have been published, or not");
}

/**
 * @typedef {{epoch: string, seq: number}} Position A position in a room.
 * @typedef {object} Extras
 * @property {Record<string, unknown>} [data] An object for programs.
 * @property {number} [reply] The number of the message that it answers.
 * @property {string} [id] The id under which an earlier client may have sent the message. The server then
 *     does not store it twice.
 * @property {number | null} [sent] The time at which the earlier client first sent it, if it did.
 *
 * @typedef {{type: "say" | "edit" | "redact" | "react", text?: string, data?: object}
 *   & Record<string, unknown>} Content A command without its room and its id.
 * @typedef {{room: string, seq: number, duplicate: boolean}} Receipt The acknowledgement of a message.
 */

/**
 * @template T
 * @typedef {{resolve: (value: T) => void, reject: (error: ChatError) => void}} Waiting
 */

/** An unacknowledged message, or a change of one. */
export class Outgoing {
  /** The time when it was first sent, or `null`. @type {number | null} */
  sent = null;
  /** Whether its outcome is known. */
  settled = false;
  /** The number of times that the server has answered `unknown`. */
  unknowns = 0;
  /** Sends it again. @type {any} */
  timer;

  /**
   * @param {string} id
   * @param {Membership} room
   * @param {Content} content
   * @param {Waiting<Receipt>} waiting
   */
  constructor(id, room, content, waiting) {
    this.id = id;
    this.room = room;
    this.content = content;
    /** The size of the content, characters. */
    this.size =
      (content.text?.length ?? 0) + (content.data ? JSON.stringify(content.data).length : 0);
    this.waiting = waiting;
  }
}

export class Membership {
  /** The position of the last message received; `null` before the first join. @type {Position | null} */
  position = null;
  /** The `joined` event of the current connection, or `null`. @type {any} */
  joined = null;
  /** The number of the last message when the room was joined or moved. */
  #top = 0;
  /** While the messages of the first join are replayed, the number of the last of them. */
  #replayed = Infinity;
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
   * @param {string} [key] The key of the room.
   */
  constructor(name, history, key) {
    this.name = name;
    this.history = history;
    this.key = key;
  }

  /**
   * Record that the room is joined, for the first time or again.
   *
   * @param {{room: string, epoch: string, seq: number, recovered?: boolean}} joined
   * @returns {boolean} Whether no message was missed.
   */
  markJoined(joined) {
    const { room, epoch, seq, recovered } = joined;
    const whole = this.position === null || recovered === true;
    this.name = room;
    this.joined = joined;
    this.refused = 0;
    this.#top = seq;
    this.#replayed = this.position === null && this.history > 0 ? 0 : Infinity;
    if (this.position === null)
      this.position = { epoch, seq: Math.max(0, seq - this.history) }; // the replayed messages follow
    else this.position = { epoch, seq: recovered ? this.position.seq : seq };
    this.#queued.unshift(...this.#sent.splice(0));
    return whole;
  }

  /**
   * Record the new epoch of the room.
   *
   * @param {Position} moved The position of the last message.
   * @returns {number} The number of the last message that the client has, or has not requested.
   */
  move({ epoch, seq }) {
    const seen = Math.min(seq, Math.max(this.#top, this.position?.seq ?? 0));
    this.position = { epoch, seq };
    this.#top = seq;
    return seen;
  }

  /**
   * Record that the message or the change with this number was received.
   *
   * @param {number} seq
   * @returns {boolean} Whether it is new.
   */
  accept(seq) {
    if (this.position === null) return false;
    if (seq <= this.position.seq) {
      // the last messages have lower numbers if changes are between them
      const replayed = seq > this.#replayed;
      if (replayed) this.#replayed = seq;
      return replayed;
    }
    this.#replayed = Infinity;
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
        refuse(next, outcomeUnknown());
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
