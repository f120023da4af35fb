// @ts-check
/**
 * The loading of a room's older or newer messages, and the row at that end of the list that shows its
 * state, or that the stored history begins there.
 *
 * @module
 */

import { ChatError } from "./client.js";
import { element, sentence } from "./dom.js";
import { phrase } from "./texts.js";
import { localised } from "./times.js";

/** The number of messages in one request. */
export const PAGE = 100;

/** The longest wait for the answer, milliseconds. */
const PATIENCE = 30_000;

/**
 * @typedef {{before?: number, after?: number}} Which Neither number: the latest messages.
 *
 * @typedef {object} Options
 * @property {"older" | "newer"} kind
 * @property {(which: Which & {limit: number}) => Promise<any>} request Requests messages.
 * @property {() => Which | null} next Returns the next messages, if they can be requested.
 * @property {(which: Which, answer: any) => number} insert Inserts the messages of an answer, and
 *     returns their number.
 * @property {() => string | null} end Returns the text to show where the stored messages end, if that is reached.
 * @property {() => void} changed Called when the row or the messages have changed.
 * @property {() => void} [jumped] Called when the latest messages were loaded.
 */

const TEXTS = /** @type {const} */ ({
  older: {
    idle: "history.older",
    loading: "history.loadingOlder",
    loaded: "history.loadedOlder",
    failed: "history.failedOlder",
  },
  newer: {
    idle: "history.newer",
    loading: "history.loadingNewer",
    loaded: "history.loadedNewer",
    failed: "history.failedNewer",
  },
});

/**
 * @template T
 * @param {Promise<T>} answer
 * @returns {Promise<T>} The same answer. Rejected if it does not arrive in time.
 */
async function inTime(answer) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    const error = new ChatError("late", phrase("history.late"));
    timer = setTimeout(() => reject(error), PATIENCE);
  });
  try {
    return await Promise.race([answer, /** @type {Promise<never>} */ (late)]);
  } finally {
    clearTimeout(timer);
  }
}

export class Loader {
  #options;
  #texts;
  /** @type {"idle" | "loading" | "failed"} */
  #state = "idle";
  /** Whether the latest messages are wanted. */
  #jumps = false;
  #reason = element("span");
  #button = element("button", { type: "button", class: "quiet", click: () => this.load() });
  #row = element("div", { class: "loader" }, this.#reason, this.#button);
  #text = element("span");
  #end = element("p", { class: "divider begin" }, this.#text);
  /** Announces the result of a request to screen readers. */
  status = element("p", { class: "spoken", role: "status" });

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#texts = TEXTS[options.kind];
    this.#row.classList.add(options.kind);
  }

  /** @returns {HTMLElement | null} The row at the end of the list. */
  row() {
    const { next, end } = this.#options;
    this.#text.textContent = end();
    if (this.#text.textContent) return this.#end;
    if (next() === null) return null;
    const { idle, loading } = this.#texts;
    const texts = { idle, loading, failed: /** @type {const} */ ("history.again") };
    this.#button.textContent = phrase(texts[this.#state]);
    this.#button.setAttribute("aria-disabled", String(this.#state === "loading"));
    this.#reason.hidden = this.#state !== "failed";
    return this.#row;
  }

  /** Load messages because the user has scrolled to the end, unless that failed before. */
  approach() {
    if (this.#state === "idle") this.load();
  }

  /** Load the latest messages in place of all others. */
  jump() {
    this.#jumps = true;
    this.load();
  }

  /** Allow requests again, because the room was joined again. */
  joined() {
    if (this.#state === "failed") this.#state = "idle";
  }

  async load() {
    const { request, next, insert, end, changed } = this.#options;
    const jumps = this.#jumps;
    const which = jumps ? {} : next();
    if (which === null || this.#state === "loading") return;
    this.#state = "loading";
    this.status.textContent = phrase(this.#texts.loading);
    changed();
    try {
      const count = insert(which, await inTime(request({ ...which, limit: PAGE })));
      if (count === 0 && next() !== null) {
        throw new ChatError("changed", phrase("history.changed"));
      }
      const loaded = count > 0 ? phrase(this.#texts.loaded, { count }) : "";
      this.status.textContent = loaded + (end() ?? "");
      this.#state = "idle";
    } catch (error) {
      this.#fail(/** @type {ChatError} */ (error));
    }
    changed();
    if (this.#state === "idle" && this.#jumps) this.#arrive(jumps);
  }

  /** @param {boolean} jumped Whether the latest messages were loaded. */
  #arrive(jumped) {
    this.#jumps = !jumped;
    if (jumped) this.#options.jumped?.();
    else this.load();
  }

  /** @param {ChatError} error */
  #fail({ code, message }) {
    this.#state = "failed";
    this.#jumps = false;
    const why = code === "lost" ? phrase("history.offline") : localised(message, code);
    this.#reason.textContent = sentence(phrase("history.failed", { reason: why }));
    this.status.textContent = sentence(phrase(this.#texts.failed, { reason: why }));
  }
}

/**
 * @param {import("./messages.js").Messages} messages The messages of a room.
 * @param {Options["request"]} request
 * @param {{changed: () => void, jumped: () => void}} called
 * @returns {{older: Loader, newer: Loader}} The loaders for both ends of the list.
 */
export function loaders(messages, request, { changed, jumped }) {
  const older = new Loader({
    kind: "older",
    request,
    changed,
    next: () => (messages.oldest === null ? null : { before: messages.oldest }),
    insert: ({ before = 0 }, { epoch, messages: found }) => messages.older(before, epoch, found),
    end: () => (messages.begins ? phrase("history.begins") : null),
  });
  const after = () => (messages.last === null ? {} : { after: messages.last });
  const newer = new Loader({
    kind: "newer",
    request,
    changed,
    jumped,
    next: () => (messages.cut ? after() : null),
    insert: ({ after }, answer) =>
      after === undefined ? messages.latest(answer) : messages.newer(after, answer),
    end: () => null,
  });
  return { older, newer };
}
