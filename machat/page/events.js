// @ts-check
/**
 * The types of a client's events: what the `detail` of each contains, in the words of the protocol.
 *
 * @module
 */

/**
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./membership.js").Position} Position
 *
 * @typedef {object} Message
 * @property {"message"} type
 * @property {string} room
 * @property {number} seq Its number in the room: 1, 2, 3 ...
 * @property {string} from The name of the sender.
 * @property {string} text Up to 100 lines.
 * @property {number} at The time at which the server numbered it, milliseconds since 1970.
 * @property {boolean} [replay] Whether it is replayed from the store.
 * @property {Record<string, unknown>} [data] An object for programs.
 * @property {number} [reply] The number of the message that it answers.
 *
 * @typedef {object} Joined
 * @property {"joined"} type
 * @property {string} room The name as its first member spelled it.
 * @property {string} name The client's own name.
 * @property {string} epoch
 * @property {number} seq The number of the last message.
 * @property {number} count The number of members.
 * @property {boolean} [recovered] Whether the missed messages follow.
 * @property {number} [missed] The number of missed messages.
 * @property {string[]} [members]
 * @property {string} [topic]
 * @property {boolean} [locked]
 *
 * @typedef {object} Presence
 * @property {"presence"} type
 * @property {string} room
 * @property {string[]} [joined]
 * @property {string[]} [left]
 * @property {number} count
 *
 * @typedef {{type: "room", room: string, topic?: string, locked?: boolean}} RoomState
 * @typedef {{type: "moved", room: string, epoch: string, seq: number, lost: boolean}} Moved
 * @typedef {{room: string, reason?: string, code?: string, text?: string}} Left
 * @typedef {{code: string, text: string, id?: string, retry?: number}} Refusal
 * @typedef {{type: "bye", code: number, reason: string, reconnect: boolean, retry?: number}} Bye
 * @typedef {{type: "expiring", seconds: number}} Expiring
 *
 * @typedef {object} History
 * @property {string} room
 * @property {string} epoch
 * @property {number} seq The number of the last message.
 * @property {Message[]} messages
 *
 * @typedef {object} Gap
 * @property {string} room
 * @property {number | null} missed The number of messages, if known.
 * @property {Position} before The position of the last message received.
 * @property {Position} after The position of the last message.
 *
 * @typedef {object} EventMap
 * @property {CustomEvent<Message>} message
 * @property {CustomEvent<Joined>} joined
 * @property {CustomEvent<Presence>} presence
 * @property {CustomEvent<RoomState>} room
 * @property {CustomEvent<Moved>} moved
 * @property {CustomEvent<Left>} left
 * @property {CustomEvent<Refusal>} error
 * @property {CustomEvent<Bye>} bye
 * @property {CustomEvent<Expiring>} expiring
 * @property {CustomEvent<State>} state
 * @property {CustomEvent<Gap>} gap
 */

/**
 * @typedef {{
 *   <T extends keyof EventMap>(
 *     type: T,
 *     listener: (event: EventMap[T]) => void,
 *     options?: boolean | AddEventListenerOptions,
 *   ): void;
 *   (
 *     type: string,
 *     listener: EventListenerOrEventListenerObject | null,
 *     options?: boolean | AddEventListenerOptions,
 *   ): void;
 * }} Listen
 *
 * @typedef {Omit<EventTarget, "addEventListener" | "removeEventListener">
 *   & {addEventListener: Listen, removeEventListener: Listen}} Target
 */

/** `EventTarget`, with these types. */
export const ClientEventTarget = /** @type {new () => Target} */ (
  /** @type {unknown} */ (EventTarget)
);
