// @ts-check
/**
 * What the browser keeps: the name for the next time, and, until the tab is closed, the rooms, what
 * was typed in them, and a secret with which a reloaded page replaces its own connection. Never a
 * password.
 *
 * The secret is in the tab's storage only while the page is hidden or goes away: a copy of the tab
 * that is made while the page is in use does not take its connection over.
 *
 * @module
 */

import { key } from "./client.js";

const NAME = "machat.name";
const TAB = "machat.tab";

/** How long after somebody typed it a draft is kept, milliseconds. */
const PAUSE = 500;

/** The most characters of what was typed that are kept for a room. */
const DRAFT = 10_000;

/**
 * @typedef {object} Tab
 * @property {string} name
 * @property {string[]} rooms
 * @property {Record<string, string>} drafts By room.
 * @property {string} [session]
 */

/** @returns {string} The name of the last time. */
export function lastName() {
  return read(() => localStorage, NAME) ?? "";
}

/** @param {string} name */
export function keepName(name) {
  write(() => localStorage, NAME, name);
}

/** What is kept for a page that is loaded again. */
export class TabStorage {
  /** The tab before the page was loaded, until its rooms are back. @type {Tab | null} */
  before = readTab();
  /** What was typed and is not sent, by room. @type {Map<string, string>} */
  #drafts = new Map(Object.entries(this.before?.drafts ?? {}));
  #now;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => {name: string, rooms: string[], session?: string} | null} now What there is to keep.
   */
  constructor(now) {
    this.#now = now;
    addEventListener("pagehide", () => this.keep(true));
    addEventListener("pageshow", () => this.keep());
    document.addEventListener("visibilitychange", () => this.keep());
  }

  /** @param {string} room */
  draft(room) {
    return this.#drafts.get(key(room)) ?? "";
  }

  /**
   * @param {string} room
   * @param {string} draft
   */
  drafted(room, draft) {
    if (draft) this.#drafts.set(key(room), draft.slice(0, DRAFT));
    else this.#drafts.delete(key(room));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), PAUSE);
  }

  /** Somebody has left all rooms, or comes in under another name. */
  forget() {
    this.before = null;
    this.#drafts.clear();
  }

  /** @param {boolean} [goes] Whether the page goes away, or is out of sight. */
  keep(goes = document.visibilityState === "hidden") {
    clearTimeout(this.#timer);
    const kept = this.#now() ?? this.before;
    const drafts = Object.fromEntries(this.#drafts);
    const session = goes ? kept?.session : undefined;
    write(() => sessionStorage, TAB, kept && JSON.stringify({ ...kept, drafts, session }));
  }
}

/** @returns {Tab | null} */
function readTab() {
  try {
    const { name, rooms, drafts, session } = JSON.parse(read(() => sessionStorage, TAB) ?? "null");
    const isText = (/** @type {unknown} */ each) => typeof each === "string";
    if (!isText(name) || rooms.length === 0 || !rooms.every(isText)) return null;
    const texts = Object.entries(drafts).filter(([, text]) => isText(text));
    return { name, rooms, drafts: Object.fromEntries(texts), session };
  } catch {
    return null; // nothing, or nothing of ours
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 */
function read(storage, key) {
  try {
    return storage().getItem(key);
  } catch {
    return null; // the browser keeps nothing
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 * @param {string | null} value
 */
function write(storage, key, value) {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // nor now
  }
}
