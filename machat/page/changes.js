// @ts-check
/**
 * The state of a message, and the edits, redactions and reactions that change it. This module does not
 * access the page.
 *
 * @module
 */

/** @typedef {import("./items.js").Message} Message */

/**
 * @param {any} event A `message` event, or a message of a history.
 * @param {string} epoch The epoch of its number.
 * @param {string} own The user's own name.
 * @returns {Message}
 */
export function messageOf(event, epoch, own) {
  const { seq, from, at } = event;
  const message = /** @type {Message} */ ({ kind: "message", epoch, seq, from, at, version: 0 });
  message.own = from === own;
  update(message, event);
  return message;
}

/**
 * Replace the content of a message by its current state.
 *
 * @param {Message} message
 * @param {any} event The same message, as the server has it now.
 */
export function update(message, { text, data, reply, edited, redacted, reactions = {} }) {
  message.redacted = redacted ? (message.redacted ?? {}) : null;
  message.edited = edited === true;
  message.reactions = new Map(Object.entries(reactions).map(([sign, by]) => [sign, new Set(by)]));
  fill(message, text, data, reply);
  message.version++;
}

/**
 * Apply a change. If it is applied again, nothing changes.
 *
 * @param {Message} message
 * @param {any} event An `edited`, `redacted` or `reacted` event whose target is the message.
 */
export function change(message, event) {
  if (message.redacted !== null && event.type !== "redacted") return;
  if (event.type === "edited" && !event.replaced) {
    message.edited = true;
    fill(message, event.text, message.data, message.reply);
  } else if (event.type === "redacted") {
    message.redacted = { by: event.by, reason: event.reason };
    message.edited = false;
    message.reactions = new Map();
    fill(message, "", undefined, undefined);
  } else if (event.type === "reacted") react(message, event);
  message.version++;
}

/**
 * @param {Message} message
 * @param {{emoji: string, by: string, remove?: boolean}} event
 */
function react({ reactions }, { emoji, by, remove }) {
  const names = reactions.get(emoji) ?? new Set();
  if (remove) names.delete(by);
  else names.add(by);
  if (names.size > 0) reactions.set(emoji, names);
  else reactions.delete(emoji);
}

/**
 * @param {Message} message
 * @param {string} text
 * @param {Record<string, unknown> | undefined} data
 * @param {number | undefined} reply
 */
function fill(message, text, data, reply) {
  message.text = text;
  message.data = data;
  message.reply = reply;
  message.size = text.length + (data === undefined ? 0 : JSON.stringify(data).length);
}
