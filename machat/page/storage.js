// @ts-check
/**
 * The data that the browser stores: the user's name; and, until the tab is closed, the rooms, the
 * drafts, the unsent messages, and the session secret with which a reloaded page takes over its
 * connection. A password is never stored.
 *
 * The secret is stored only while the page is hidden or being unloaded. Therefore a duplicate of a tab
 * in use does not take over its connection.
 *
 * @module
 */

import { read, write } from "./browserstorage.js";
import { key } from "./client.js";
import { bounded, valid } from "./unsent.js";

/** A host may serve several chats, each at its own path. */
const PATH = new URL(".", document.baseURI).pathname;
const CHAT = PATH === "/" ? "" : ` ${PATH}`;
const NAME = `machat.name${CHAT}`;
const TAB = `machat.tab${CHAT}`;

/** The delay between the last key and the storage of a draft, milliseconds. */
const PAUSE = 500;

/** The maximum length of a stored draft, characters. */
const DRAFT = 10_000;

/**
 * @typedef {object} Tab
 * @property {string} name
 * @property {string[]} rooms
 * @property {Record<string, string>} drafts By room.
 * @property {Record<string, import("./unsent.js").Unsent[]>} unsent By room.
 * @property {string} [session]
 */

/** @returns {string} The name that was used last. */
export function lastName() {
  return read(() => localStorage, NAME) ?? "";
}

/** @param {string} name */
export function storeName(name) {
  write(() => localStorage, NAME, name);
}

/** The data of a tab, for a reloaded page. */
export class TabStorage {
  /** The data from before the reload, until the rooms are joined again. @type {Tab | null} */
  before = readTab();
  /** The drafts by room. @type {Map<string, string>} */
  #drafts = new Map(Object.entries(this.before?.drafts ?? {}));
  /** The messages from before the reload, by room, until the room is shown again. */
  #unsent = new Map(Object.entries(this.before?.unsent ?? {}));
  /** The text that was stored last. @type {string | null} */
  #stored = null;
  #current;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {(unloads: boolean) => Omit<Tab, "drafts"> | null} current Returns the data to store.
   *     `unloads`: whether the page is being unloaded.
   */
  constructor(current) {
    this.#current = current;
    addEventListener("pagehide", () => this.store(true, true));
    addEventListener("pageshow", ({ persisted }) => {
      // another page of this tab may have sent the same messages meanwhile
      if (persisted && read(() => sessionStorage, TAB) !== this.#stored) location.reload();
      else this.store();
    });
    document.addEventListener("visibilitychange", () => this.store());
  }

  /**
   * @param {string} room
   * @returns {boolean} Whether the user was in the room before the reload.
   */
  restores(room) {
    return this.before?.rooms.some((each) => key(each) === key(room)) === true;
  }

  /** @param {string} room */
  draft(room) {
    return this.#drafts.get(key(room)) ?? "";
  }

  /**
   * @param {string} room
   * @param {string} draft
   */
  setDraft(room, draft) {
    if (draft) this.#drafts.set(key(room), draft.slice(0, DRAFT));
    else this.#drafts.delete(key(room));
    this.storeSoon();
  }

  /**
   * @param {string} room
   * @returns {import("./unsent.js").Unsent[]} Its messages from before the reload, at the first call.
   */
  takeUnsent(room) {
    const found = this.#unsent.get(key(room)) ?? [];
    this.#unsent.delete(key(room));
    return found;
  }

  /** Keep the messages of rooms that are no longer shown. @param {Tab["unsent"]} unsent By room. */
  keepUnsent(unsent) {
    for (const [room, list] of Object.entries(unsent)) this.#unsent.set(room, list);
  }

  storeSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.store(), PAUSE);
  }

  /** Forget everything, because the user has left all rooms or uses another name. */
  forget() {
    this.before = null;
    this.#drafts.clear();
    this.#unsent.clear();
  }

  /**
   * Store the data.
   *
   * @param {boolean} [hidden] Whether the page is hidden or being unloaded.
   * @param {boolean} [unloads] Whether it is being unloaded.
   */
  store(hidden = document.visibilityState === "hidden", unloads = false) {
    clearTimeout(this.#timer);
    const data = this.#current(unloads) ?? this.before;
    const unsent = bounded({ ...data?.unsent, ...Object.fromEntries(this.#unsent) });
    const drafts = Object.fromEntries(this.#drafts);
    const session = hidden ? data?.session : undefined;
    this.#stored = data && JSON.stringify({ ...data, drafts, unsent, session });
    write(() => sessionStorage, TAB, this.#stored);
  }
}

/** @returns {Tab | null} */
function readTab() {
  try {
    const stored = JSON.parse(read(() => sessionStorage, TAB) ?? "null");
    const { name, rooms, drafts, session } = stored;
    const isText = (/** @type {unknown} */ each) => typeof each === "string";
    if (!isText(name) || rooms.length === 0 || !rooms.every(isText)) return null;
    const texts = Object.entries(drafts).filter(([, text]) => isText(text));
    return {
      name,
      rooms,
      drafts: Object.fromEntries(texts),
      unsent: valid(stored.unsent),
      session,
    };
  } catch {
    return null; // no data, or data of another application
  }
}
