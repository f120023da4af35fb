// @ts-check
/**
 * The types of a client's options and of its events: what the `detail` of each contains, in the words of
 * the protocol.
 *
 * @module
 */

/**
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./membership.js").ChatError} ChatError
 * @typedef {import("./membership.js").Position} Position
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
 * @property {boolean} [edited] In a replay and in a history: whether the text is not the original one.
 * @property {boolean} [redacted] In a replay and in a history: whether the content was removed.
 * @property {Record<string, string[]>} [reactions] In a replay and in a history: the names by emoji.
 *
 * @typedef {object} Change The properties of each change of a message.
 * @property {string} room
 * @property {number} seq Its own number, in the same sequence as the messages.
 * @property {number} target The number of the message.
 * @property {string} by The name of the user who has changed it.
 * @property {number} at
 * @property {boolean} [replay]
 *
 * @typedef {Change & {type: "edited", text: string, replaced?: boolean}} Edited `replaced`: a later
 *     entry has replaced the text.
 * @typedef {Change & {type: "redacted", from?: string, reason?: string}} Redacted `from`: the author, if
 *     somebody else has removed the content.
 * @typedef {Change & {type: "reacted", emoji: string, remove?: boolean}} Reacted
 * @typedef {{type: "typing", room: string, from: string}} Typing
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
 * @property {boolean} [moderator] Whether the client may moderate the room.
 * @property {number} [read] The number of the last message that the user has read, if it is known.
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
 * @property {number} [searched] After a search: the number up to which the server has searched.
 *
 * @typedef {object} ListedRoom
 * @property {string} name
 * @property {number} count The number of members.
 * @property {string} [topic]
 * @property {boolean} [key] Whether a client needs a key to join it.
 *
 * @typedef {object} Conversations
 * @property {"conversations"} type
 * @property {string[]} rooms The names of the user's direct conversations.
 * @property {string[]} [blocked] The names whose direct messages the user refuses.
 *
 * @typedef {object} ReadMark
 * @property {"read"} type
 * @property {string} room
 * @property {number} seq The number of the last message that the user has read.
 *
 * @typedef {object} Gap
 * @property {string} room
 * @property {number | null} missed The number of messages, if known.
 * @property {Position} before The position of the last message received.
 * @property {Position} after The position of the last message.
 *
 * @typedef {object} EventMap
 * @property {CustomEvent<Message>} message
 * @property {CustomEvent<Edited>} edited
 * @property {CustomEvent<Redacted>} redacted
 * @property {CustomEvent<Reacted>} reacted
 * @property {CustomEvent<Typing>} typing
 * @property {CustomEvent<Joined>} joined
 * @property {CustomEvent<Presence>} presence
 * @property {CustomEvent<RoomState>} room
 * @property {CustomEvent<Moved>} moved
 * @property {CustomEvent<Left>} left
 * @property {CustomEvent<Conversations>} conversations
 * @property {CustomEvent<ReadMark>} read
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
