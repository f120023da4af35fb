// @ts-check
/**
 * The older messages of a room: their loading, and the row above the first message that shows its
 * state, or that the stored history begins there.
 *
 * @module
 */

import { ChatError } from "./client.js";
import { counted, element, sentence } from "./dom.js";
import { localised } from "./times.js";

/** The number of messages in one request. */
export const PAGE = 100;

/** The longest wait for the answer, milliseconds. */
const PATIENCE = 30_000;

const BEGIN = "The stored history begins here";

/**
 * @template T
 * @param {Promise<T>} answer
 * @returns {Promise<T>} The same answer. Rejected if it does not arrive in time.
 */
async function inTime(answer) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    const error = new ChatError("late", "the server does not answer");
    timer = setTimeout(() => reject(error), PATIENCE);
  });
  try {
    return await Promise.race([answer, /** @type {Promise<never>} */ (late)]);
  } finally {
    clearTimeout(timer);
  }
}

export class OlderMessages {
  #request;
  #messages;
  #changed;
  /** @type {"idle" | "loading" | "failed"} */
  #state = "idle";
  #reason = element("span");
  #button = element("button", { type: "button", class: "quiet", click: () => this.load() });
  #row = element("div", { class: "older" }, this.#reason, this.#button);
  #begin = element("p", { class: "divider begin" }, element("span", {}, BEGIN));
  /** Announces the result of a request to screen readers. */
  status = element("p", { class: "spoken", role: "status" });

  /**
   * @param {import("./messages.js").Messages} messages
   * @param {(which: {before: number, limit: number}) => Promise<any>} request Requests messages.
   * @param {() => void} changed Called when the row or the messages have changed.
   */
  constructor(messages, request, changed) {
    this.#messages = messages;
    this.#request = request;
    this.#changed = changed;
  }

  /** @returns {HTMLElement | null} The row above the first message. */
  row() {
    if (this.#messages.begins) return this.#begin;
    if (this.#messages.oldest === null) return null;
    const texts = { idle: "Load older messages", loading: "Loading older messages…" };
    this.#button.textContent = this.#state === "failed" ? "Try again" : texts[this.#state];
    this.#button.setAttribute("aria-disabled", String(this.#state === "loading"));
    this.#reason.hidden = this.#state !== "failed";
    return this.#row;
  }

  /** Load messages because the user has scrolled to the first one, unless that failed before. */
  approach() {
    if (this.#state === "idle") this.load();
  }

  /** Allow requests again, because the room was joined again. */
  joined() {
    if (this.#state === "failed") this.#state = "idle";
  }

  async load() {
    const before = this.#messages.oldest;
    if (before === null || this.#state === "loading") return;
    this.#state = "loading";
    this.status.textContent = "Loading older messages";
    this.#changed();
    try {
      const answer = await inTime(this.#request({ before, limit: PAGE }));
      const count = this.#messages.older(before, answer.epoch, answer.messages);
      if (count === 0 && !this.#messages.begins) {
        throw new ChatError("changed", "the room has changed in the meantime");
      }
      const loaded = count > 0 ? `${counted(count, "older message")} loaded. ` : "";
      this.status.textContent = loaded + (this.#messages.begins ? BEGIN : "");
      this.#state = "idle";
    } catch (error) {
      this.#fail(/** @type {ChatError} */ (error));
    }
    this.#changed();
  }

  /** @param {ChatError} error */
  #fail({ code, message }) {
    this.#state = "failed";
    const why = code === "lost" ? "there is no connection" : localised(message);
    this.#reason.textContent = sentence(`not loaded: ${why}`);
    this.status.textContent = sentence(`older messages could not be loaded: ${why}`);
  }
}
