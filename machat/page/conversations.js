// @ts-check
/**
 * The direct conversations that the page shows. A conversation opens when a message arrives, up to a
 * maximum number of them, or when the user opens it.
 *
 * @module
 */

import { partner } from "./client.js";
import { People } from "./people.js";
import { phrase } from "./texts.js";
import { explained } from "./times.js";

/** @typedef {import("./roomview.js").RoomView} RoomView */

/** The number of the latest conversations that open after a login. */
const LATEST = 10;

/** The maximum number of open conversations. */
const MOST = 20;

/**
 * @typedef {object} Page
 * @property {() => import("./client.js").Client | null} client
 * @property {() => RoomView[]} rooms Returns the open rooms.
 * @property {() => RoomView | null} current Returns the selected room.
 * @property {(room: string) => Promise<RoomView | undefined>} join Joins and selects a room.
 * @property {(room: string) => void} back Joins a room without selecting it.
 * @property {(room: RoomView) => void} leave Closes a room.
 */

export class Conversations {
  /** The other users. */
  people;
  #page;
  /** Whether the latest conversations are to be opened. */
  #opens = false;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
    this.people = new People(page.client, (name) => this.choose(name));
  }

  /**
   * @param {boolean} account Whether the user has an account.
   * @param {boolean} fresh Whether the user has just logged in, and not reloaded the page.
   */
  begin(account, fresh) {
    this.people.begin(account);
    this.#opens = account && fresh;
  }

  /** @param {import("./client.js").Conversations} event */
  known(event) {
    const { client, back } = this.#page;
    this.people.known(event);
    if (!this.#opens) return;
    this.#opens = false;
    const { rooms = [] } = client() ?? {};
    for (const room of event.rooms.slice(0, LATEST)) if (!rooms.includes(room)) back(room);
  }

  /** The rooms that the user may jump to: the open ones, and the other conversations. */
  get choices() {
    const { client, rooms } = this.#page;
    const open = rooms().map(({ name, label }) => ({ name, label }));
    const own = client()?.name ?? "";
    const others = this.people.conversations.filter(
      (name) => !open.some((each) => each.name === name),
    );
    return [...open, ...others.map((name) => ({ name, label: partner(name, own) ?? name }))];
  }

  /**
   * Make space for a conversation.
   *
   * @param {{room: string, id?: string}} joined
   * @returns {boolean} Whether the page may show it. The user can always open one.
   */
  admit({ room, id }) {
    const { client, rooms, current, leave } = this.#page;
    if (partner(room, client()?.name ?? "") === null) return true;
    const open = rooms().filter((each) => each.direct);
    if (open.length < MOST) return true;
    const [spare] = open
      .filter((each) => each.idle && each !== current())
      .sort((a, b) => a.used - b.used);
    if (spare !== undefined) leave(spare);
    else if (id === undefined) client()?.leave(room);
    return spare !== undefined || id !== undefined;
  }

  /**
   * Open the conversation with a user.
   *
   * @param {string} name
   * @param {string} [text] The first message.
   */
  async open(name, text) {
    const { client, current, join } = this.#page;
    const room = this.people.roomOf(name);
    if (client()?.state.state !== "online") current()?.warn(phrase("rooms.wait"));
    const view = await join(room);
    if (text) view?.send(text);
  }

  /** Open a conversation from a menu, and show a refusal in the selected room. @param {string} name */
  choose(name) {
    const { current } = this.#page;
    this.open(name).catch((error) => current()?.warn(explained(error)));
  }
}
