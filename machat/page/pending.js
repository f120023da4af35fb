// @ts-check
/**
 * The user's own messages that are not known to be stored. This module does not access the page.
 *
 * @module
 */

/**
 * @typedef {object} Pending One of the user's messages that is not known to be stored.
 * @property {"pending"} kind
 * @property {string} from
 * @property {string} text
 * @property {number} at
 * @property {number | null} seq Its number once it is acknowledged.
 * @property {number} [reply] The number of the message that it answers.
 * @property {string} [id] The id under which it is sent.
 * @property {number | null} [sent] The time at which it was first sent before a reload, if it was.
 * @property {string | null} error The reason of a refusal.
 * @property {string} [code] The code of the refusal.
 *
 * @typedef {{text: string} & Partial<Omit<Pending, "kind" | "from" | "seq">>} Content
 */

export class PendingMessages {
  /** @type {Pending[]} */
  list = [];

  /**
   * @param {Content & {from: string}} content
   * @returns {Pending}
   */
  add({ at = Date.now(), error = null, ...content }) {
    /** @type {Pending} */
    const pending = { kind: "pending", at, ...content, seq: null, error };
    this.list.push(pending);
    return pending;
  }

  /** @param {Pending} pending */
  drop(pending) {
    this.list = this.list.filter((each) => each !== pending);
  }

  /**
   * Remove the pending message that is the same as one from the server.
   *
   * @param {import("./items.js").Message} message
   */
  settle({ own, seq, text }) {
    if (!own || this.list.length === 0) return;
    const known = this.list.find((each) => each.seq === seq);
    const same = (/** @type {Pending} */ each) =>
      each.seq === null && each.error === null && each.text === text;
    const settled = known ?? this.list.find(same);
    if (settled !== undefined) this.drop(settled);
  }
}
