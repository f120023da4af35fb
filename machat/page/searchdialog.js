// @ts-check
/**
 * The dialog with the results of a search in the stored messages of a room.
 *
 * @module
 */

import { makeDialog } from "./ask.js";
import { element } from "./dom.js";
import { phrase } from "./texts.js";
import { day, explained, time } from "./times.js";

/** The number of messages of one request. */
const LIMIT = 50;

/** The number of requests without a result after which the dialog asks whether to continue. */
const REQUESTS = 10;

export class SearchDialog {
  #client;
  #room;
  #words;
  #jump;
  #list = element("ol", { class: "found" });
  #more = element("button", { type: "button" }, phrase("search.older"));
  #dialog;
  #said;
  #count = 0;
  /** The number before which to continue. @type {number | undefined} */
  #before = undefined;

  /**
   * @param {import("./client.js").Client} client
   * @param {string} room
   * @param {string} words
   * @param {(seq: number) => void} jump Scrolls to a message.
   */
  constructor(client, room, words, jump) {
    this.#client = client;
    this.#room = room;
    this.#words = words;
    this.#jump = jump;
    const { dialog, said } = makeDialog(phrase("search.title", { words }));
    this.#dialog = dialog;
    this.#said = said;
    const close = { type: "button", click: () => dialog.close() };
    const buttons = element("div", { class: "row" }, this.#more);
    buttons.append(element("button", close, phrase("search.close")));
    dialog.append(element("div", { class: "card" }, said, this.#list, buttons));
    this.#more.addEventListener("click", () => this.search());
    dialog.showModal();
  }

  /** Request older messages until there is a result. */
  async search() {
    this.#more.hidden = true;
    this.#said.textContent = phrase("search.searching");
    try {
      const before = this.#count;
      for (let request = 0; request < REQUESTS && this.#dialog.open; request++) {
        await this.#request();
        if (this.#count > before || this.#finished) break;
      }
      this.#said.textContent = phrase("search.found", { count: this.#count });
    } catch (error) {
      this.#said.textContent = explained(/** @type {any} */ (error));
    }
    this.#more.hidden = this.#finished;
  }

  get #finished() {
    return this.#before !== undefined && this.#before <= 1;
  }

  async #request() {
    const which = { text: this.#words, limit: LIMIT, before: this.#before };
    const { messages, searched = 0 } = await this.#client.history(this.#room, which);
    this.#before = searched;
    this.#count += messages.length;
    this.#list.append(...messages.reverse().map((message) => this.#item(message)));
  }

  /** @param {import("./events.js").Message} message */
  #item({ seq, from, text, at }) {
    const click = () => {
      this.#dialog.close();
      this.#jump(seq);
    };
    const head = element("span", {}, element("bdi", {}, from));
    head.append(" ", day(at), " ", time(at));
    const body = element("span", { class: "text", dir: "auto" }, text);
    return element(
      "li",
      {},
      element("button", { type: "button", class: "quiet", click }, head, body),
    );
  }
}
