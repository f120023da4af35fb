// @ts-check
/**
 * One room: its head, its messages, who is there, and the field to write in.
 *
 * @module
 */

import { Composer } from "./composer.js";
import { counted, element } from "./dom.js";
import { Members } from "./members.js";
import { MessageList } from "./messagelist.js";
import { Messages } from "./messages.js";
import { isNotice } from "./messageview.js";

/** @typedef {import("./client.js").Client} Client */

/** How many messages to ask for at once, and how many unsent ones are shown. */
const PAGE = 100;
const UNSENT = 500;

/** Where there is room for the list of names beside the messages. */
const WIDE = matchMedia("(min-width: 60rem)");

let count = 0;

export class RoomView {
  unread = 0;
  #client;
  #changed;
  #messages = new Messages();
  #members = new Members();
  #visible = false;
  /** The top of the log when we came: what is older is nothing new. */
  #seen = { epoch: "", seq: 0 };
  #loading = false;
  #below = 0;
  #topic = element("p", { class: "topic", dir: "auto" });
  #locked = element("span", { class: "tag", hidden: true }, "locked");
  #here = element("button", { type: "button", class: "quiet", click: () => this.#toggle() });
  #down = element("button", { type: "button", class: "down", hidden: true });
  #away = element("div", { class: "away", hidden: true });
  #composer;
  #list;

  /**
   * @param {Client} client
   * @param {string} name The room's.
   * @param {{changed: () => void, left: () => void}} options `changed` is called when the count of
   *     what is unread has; `left` to leave the room.
   */
  constructor(client, name, { changed, left }) {
    this.name = name;
    this.#client = client;
    this.#changed = changed;
    this.id = `room${++count}`;
    this.#composer = new Composer(name, (lines) => this.#say(lines));
    this.#list = new MessageList(this.#messages, {
      label: `Messages in ${name}`,
      again: (pending) => this.#again(pending),
      drop: (pending) => this.#drop(pending),
      top: () => this.#older(),
      moved: () => this.#moved(),
    });
    this.#down.addEventListener("click", () => this.#toEnd());
    this.element = this.#build(left);
    this.element.hidden = true;
    this.element.addEventListener("keydown", (event) => this.#keyed(event));
    this.#narrow();
    WIDE.addEventListener("change", this.#narrow);
  }

  /** @param {() => void} left */
  #build(left) {
    const title = element("h2", { id: `${this.id}-title` }, element("bdi", {}, this.name));
    const leave = element("button", { type: "button", class: "quiet", click: left }, "Leave");
    this.#members.element.id = `${this.id}-members`;
    this.#here.setAttribute("aria-controls", this.#members.element.id);
    return element(
      "section",
      { class: "room", id: this.id, role: "tabpanel", "aria-labelledby": `${this.id}-tab` },
      element(
        "header",
        { class: "head" },
        element("div", { class: "title" }, title, this.#locked, this.#topic),
        this.#here,
        leave,
      ),
      element("div", { class: "talk" }, this.#list.element, this.#down),
      this.#members.element,
      this.#away,
      this.#composer.element,
    );
  }

  /** The room can be seen, or not, from now on. @param {boolean} visible */
  set visible(visible) {
    if (visible === this.#visible) return;
    this.#visible = visible;
    this.element.hidden = !visible;
    if (visible) {
      this.#list.show();
      this.looked();
    } else {
      this.#list.hide();
      this.#messages.fresh = null;
    }
  }

  /** Somebody looks at what can be seen. */
  looked() {
    if (!this.#visible || document.visibilityState === "hidden") return;
    this.unread = 0;
    this.#changed();
  }

  focus() {
    if (this.#away.hidden) this.#composer.field.focus();
    else this.#away.querySelector("button")?.focus();
  }

  /** No more of it is needed. */
  close() {
    this.#list.hide();
    WIDE.removeEventListener("change", this.#narrow);
    this.element.remove();
  }

  // What is heard.

  /** @param {any} event */
  joined(event) {
    const { epoch, name, seq } = event;
    if (this.#seen.epoch === "") this.#seen = { epoch, seq };
    this.#messages.enter(epoch, name);
    this.#members.own = name;
    this.#members.all(event);
    this.#showCount();
    this.room(event);
    this.#present(true);
    this.#list.changed();
  }

  /** @param {{topic?: string, locked?: boolean}} event */
  room({ topic, locked }) {
    this.#topic.textContent = topic ?? "";
    this.#topic.title = topic ?? "";
    this.#locked.hidden = !locked;
  }

  /** @param {any} event */
  message(event) {
    const message = this.#messages.add(event);
    if (message === null) return;
    const seen = this.#seen;
    const old = message.epoch === seen.epoch && message.seq <= seen.seq;
    this.#list.live = !old;
    if (!old && !message.own) this.#count(message);
    this.#list.changed();
  }

  /** @param {any} event */
  presence(event) {
    const incomplete = this.#members.incomplete;
    this.#members.presence(event);
    this.#showCount();
    if (event.joined && !incomplete && this.#members.incomplete) this.#who();
  }

  /** @param {import("./client.js").Gap} gap */
  gap({ missed, before, after }) {
    const same = before.epoch === after.epoch;
    const gap = this.#messages.gap(same ? missed : null);
    this.#list.changed();
    this.#fill(gap, before, after);
  }

  /** We are not in the room any more. @param {any} event */
  left({ reason, text }) {
    const words = text ?? (reason ? `You were removed: ${reason}` : "You were removed.");
    this.#messages.note(words);
    this.#list.changed();
    const again = () => this.#rejoin();
    const button = element("button", { type: "button", click: again }, "Join again");
    this.#away.replaceChildren(element("p", { role: "alert" }, words), button);
    this.#present(false);
  }

  // What is done.

  #rejoin() {
    this.#client.join(this.name, { history: PAGE }).catch((error) => {
      this.#away.querySelector("p")?.replaceChildren(error.message);
    });
  }

  /** @param {string[]} lines */
  #say(lines) {
    if (this.#messages.pending.length + lines.length > UNSENT) return false;
    for (const line of lines) this.#send(line);
    this.#messages.fresh = null;
    this.#toEnd();
    return true;
  }

  /** @param {string} text */
  #send(text) {
    const pending = this.#messages.expect(text);
    this.#client
      .say(this.name, text)
      .then(
        ({ seq }) => this.#messages.confirm(pending, seq),
        (error) => (pending.error = error.message),
      )
      .finally(() => this.#list.changed());
  }

  /** @param {import("./messages.js").Pending} pending */
  #again(pending) {
    this.#messages.drop(pending);
    this.#send(pending.text);
    this.#toEnd();
    this.focus();
  }

  /** @param {import("./messages.js").Pending} pending */
  #drop(pending) {
    this.#messages.drop(pending);
    this.#list.changed();
    this.focus();
  }

  async #older() {
    const before = this.#messages.oldest;
    if (before === null || this.#loading) return;
    this.#loading = true;
    try {
      const { epoch, messages } = await this.#client.history(this.name, { before, limit: PAGE });
      this.#messages.older(epoch, messages);
      this.#list.changed();
    } catch {
      // asked again with the next scrolling
    } finally {
      this.#loading = false;
    }
  }

  /**
   * @param {import("./messages.js").Gap} gap
   * @param {import("./client.js").Position} before
   * @param {import("./client.js").Position} after
   */
  async #fill(gap, before, after) {
    try {
      const { messages } = await this.#client.history(this.name);
      this.#messages.fill(gap, before, after, messages);
      this.#list.changed();
    } catch {
      // the gap stays as it is
    }
  }

  #who() {
    this.#client.who(this.name).then(
      (event) => {
        this.#members.all(event);
        this.#showCount();
      },
      () => {},
    );
  }

  // How it looks.

  /** @param {import("./messages.js").Message} message */
  #count(message) {
    const looked = this.#visible && document.visibilityState === "visible";
    if (!looked) {
      if (this.unread === 0) this.#messages.fresh = message;
      if (!isNotice(message)) this.unread++;
      this.#changed();
    }
    if (!this.#list.sticks) {
      this.#below++;
      this.#moved();
    }
  }

  #moved() {
    if (this.#list.sticks) this.#below = 0;
    this.#down.hidden = this.#list.sticks;
    this.#down.textContent = this.#below ? counted(this.#below, "new message") : "To the latest";
  }

  #toEnd() {
    this.#list.end();
    this.#moved();
  }

  #showCount() {
    this.#here.textContent = `${this.#members.count.toLocaleString()} here`;
  }

  /** @param {boolean} present */
  #present(present) {
    this.#away.hidden = present;
    this.#composer.element.hidden = !present;
  }

  #narrow = () => this.#showMembers(WIDE.matches);

  #toggle() {
    this.#showMembers(this.#members.element.hidden !== false);
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.key === "Escape" && !WIDE.matches && !this.#members.element.hidden) {
      this.#showMembers(false);
      this.#here.focus();
    }
  }

  /** @param {boolean} shown */
  #showMembers(shown) {
    this.#members.element.hidden = !shown;
    this.#here.setAttribute("aria-expanded", String(shown));
    this.#members.show();
  }
}
