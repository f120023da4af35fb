// @ts-check
/**
 * A room as a client knows it over all its connections: its place in the log, and what was said
 * there and is not acknowledged.
 *
 * @module
 */

/** How many messages of a room are under way at once, and for how many milliseconds one may be sent
 * again: both are within what a server remembers of a name. */
const WINDOW = 50;
const AGAIN = 100_000;

/** A refusal, by the server or by this client. */
export class ChatError extends Error {
  /**
   * @param {string} code One of the protocol's words, or of this client's own: `ended`, `left`,
   *     `lost`, `too-much`, `unknown`.
   * @param {string} text One line for a person.
   */
  constructor(code, text) {
    super(text);
    this.name = "ChatError";
    this.code = code;
  }
}

/**
 * @typedef {{epoch: string, seq: number}} Position A place in a room's log.
 * @typedef {{room: string, seq: number, duplicate: boolean}} Receipt The log has a message.
 */

/**
 * @template T
 * @typedef {{resolve: (value: T) => void, reject: (error: ChatError) => void}} Waiting
 */

/** A message that is not acknowledged. */
export class Outgoing {
  /** When it was sent for the first time, or `null`. @type {number | null} */
  sent = null;
  /** Whether it is known what became of it. */
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
  /** Up to where the room is known; `null` before it was joined. @type {Position | null} */
  position = null;
  /** How it was joined on this connection, or `null`. @type {any} */
  joined = null;
  /** How often coming back was refused because the name was still taken. */
  refused = 0;
  /** Who waits for it to be joined. @type {Waiting<any>[]} */
  waiting = [];
  /** @type {Outgoing[]} */
  #sent = [];
  /** @type {Outgoing[]} */
  #queued = [];

  /**
   * @param {string} name As the server writes it, once that is known.
   * @param {number} history How many messages to hear on first coming in.
   */
  constructor(name, history) {
    this.name = name;
    this.history = history;
  }

  /**
   * It is joined, for the first time or again.
   *
   * @param {{room: string, epoch: string, seq: number, recovered?: boolean}} joined
   * @returns {boolean} Whether nothing is missing.
   */
  enter(joined) {
    const { room, epoch, seq, recovered } = joined;
    const first = this.position === null;
    this.name = room;
    this.joined = joined;
    this.refused = 0;
    if (first)
      this.position = { epoch, seq: Math.max(0, seq - this.history) }; // a replay follows
    else if (!recovered) this.position = { epoch, seq };
    this.#queued.unshift(...this.#sent.splice(0));
    return first || recovered === true;
  }

  /**
   * @param {number} seq
   * @returns {boolean} Whether a message with this number is new; from now on it is not.
   */
  passes(seq) {
    if (this.position === null || seq <= this.position.seq) return false;
    this.position = { epoch: this.position.epoch, seq };
    return true;
  }

  /**
   * Send this behind all that was added before.
   *
   * @param {Outgoing} outgoing
   */
  add(outgoing) {
    this.#queued.push(outgoing);
  }

  /**
   * What is to be sent now. What has been on its way for too long is refused.
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
      if (next.sent !== null && now - next.sent > AGAIN) {
        refuse(next, new ChatError("unknown", "it is not known whether this was said"));
      } else {
        next.sent ??= now;
        this.#sent.push(next);
        yield next;
      }
    }
  }

  /** What is not acknowledged; it is forgotten. */
  take() {
    return [...this.#sent.splice(0), ...this.#queued.splice(0)].filter((each) => !each.settled);
  }
}
