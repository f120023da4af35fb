// @ts-check
/**
 * The actions of moderators: on members, and on the room.
 *
 * @module
 */

import { RoomAccess } from "./access.js";
import { ask, makeDialog } from "./ask.js";
import { key } from "./client.js";
import { element } from "./dom.js";
import { phrase } from "./texts.js";
import { explained, soon } from "./times.js";

/** The durations of mutes and bans, seconds, and their texts. */
const DURATIONS = /** @type {const} */ ([
  [600, "moderation.tenMinutes"],
  [3_600, "moderation.hour"],
  [86_400, "moderation.day"],
  [604_800, "moderation.week"],
  [2_592_000, "moderation.month"],
]);

/** The maximum length of a reason and of a topic, characters. */
const LINE = 300;

/** The texts of the kinds of mutes and bans. */
const KINDS = /** @type {const} */ ({
  mute: "moderation.muted",
  ban: "moderation.banned",
  address: "moderation.bannedAddress",
});

/** @typedef {"kick" | "mute" | "ban"} Action */

export class Moderation {
  /** Whether the user may moderate the room. */
  allowed = false;
  topic = "";
  locked = false;
  #client;
  #room;

  /**
   * @param {import("./client.js").Client} client
   * @param {string} room
   */
  constructor(client, room) {
    this.#client = client;
    this.#room = room;
  }

  /**
   * @param {string} name A member.
   * @returns {import("./menu.js").Entry[]} The actions on the member.
   */
  entries(name) {
    if (!this.allowed) return [];
    const texts = /** @type {const} */ ({
      kick: phrase("moderation.kick", { name }),
      mute: phrase("moderation.mute", { name }),
      ban: phrase("moderation.ban", { name }),
    });
    const actions = /** @type {Action[]} */ (Object.keys(texts));
    return actions.map((action) => ({
      label: texts[action],
      act: () => this.#act(action, name, texts[action]),
      danger: true,
    }));
  }

  /**
   * @param {Action} action
   * @param {string} name
   * @param {string} title
   */
  #act(action, name, title) {
    const reason = { name: "reason", label: phrase("moderation.reason"), most: LINE };
    const choices = DURATIONS.map(
      ([seconds, text]) => /** @type {[string, string]} */ ([String(seconds), phrase(text)]),
    );
    const duration = { name: "for", label: phrase("moderation.duration"), choices };
    const texts = /** @type {const} */ ({
      kick: phrase("moderation.kickText"),
      mute: phrase("moderation.muteText"),
      ban: phrase("moderation.banText"),
    });
    ask({
      title: title.replace(/…$/, ""),
      text: texts[action],
      fields: action === "kick" ? [reason] : [duration, reason],
      submit: phrase("moderation.submit"),
      danger: true,
      submitted: (values) => {
        const fields = { name, reason: values.reason.trim() || undefined };
        const whole = action === "kick" ? fields : { ...fields, for: Number(values.for) };
        return this.#client.moderate(this.#room, action, whole);
      },
    });
  }

  /** Show the topic, the lock, the key, the listing, and the active mutes and bans. */
  panel() {
    const { dialog, said } = makeDialog(phrase("moderation.title", { room: this.#room }));
    const list = element("ul", { class: "sanctions" });
    const run = async (/** @type {string} */ action, /** @type {object} */ fields) => {
      say("");
      try {
        await this.#client.moderate(this.#room, action, fields);
      } catch (error) {
        say(explained(error), true);
        return false;
      }
      await show().catch((error) => say(explained(error), true));
      return true;
    };
    const say = (/** @type {string} */ text, wrong = false) => {
      said.textContent = text;
      said.classList.toggle("wrong", wrong);
    };
    const access = new RoomAccess({ run, say, listed: () => this.#listed() });
    const show = async () => {
      const { sanctions } = await this.#client.sanctions(this.#room);
      list.replaceChildren(...sanctions.map((each) => this.#sanction(each, run)));
      if (sanctions.length === 0) list.append(element("li", {}, phrase("command.noSanctions")));
    };
    dialog.classList.add("panel");
    const done = { type: "button", click: () => dialog.close() };
    dialog.append(
      this.#topicForm(run),
      this.#lock(run),
      ...access.elements,
      element("h3", {}, phrase("moderation.sanctions")),
      list,
      said,
      element("button", done, phrase("moderation.close")),
    );
    dialog.showModal();
    Promise.all([show(), access.load()]).catch((error) => say(explained(error), true));
  }

  /** Whether the room is in the list of rooms. */
  async #listed() {
    const { rooms } = await this.#client.listRooms({ prefix: this.#room, limit: 1 });
    return rooms.some(({ name }) => key(name) === key(this.#room));
  }

  /** @param {(action: string, fields: object) => Promise<boolean>} run */
  #topicForm(run) {
    const field = /** @type {HTMLInputElement} */ (
      element("input", { maxlength: String(LINE), autocomplete: "off", dir: "auto" })
    );
    field.value = this.topic;
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      run("topic", { text: field.value.trim() });
    };
    const button = element("button", { type: "submit" }, phrase("moderation.setTopic"));
    const label = element("label", {}, element("span", {}, phrase("moderation.topic")), field);
    return element("form", { submit }, label, button);
  }

  /** @param {(action: string, fields: object) => Promise<boolean>} run */
  #lock(run) {
    const button = element("button", { type: "button" });
    const show = () =>
      (button.textContent = this.locked ? phrase("moderation.unlock") : phrase("moderation.lock"));
    button.addEventListener("click", async () => {
      const locked = this.locked;
      await run(locked ? "unlock" : "lock", {});
      show();
    });
    show();
    return element("p", {}, button);
  }

  /**
   * @param {{kind: string, name: string | null, until: number, by: string | null}} sanction
   * @param {(action: string, fields: object) => Promise<boolean>} run
   */
  #sanction({ kind, name, until, by }, run) {
    const shown = element("li", {});
    const about = {
      name: name ?? phrase("command.anAddress"),
      time: soon(until),
      moderator: by ?? phrase("command.operator"),
    };
    const text = KINDS[/** @type {keyof typeof KINDS} */ (kind)];
    shown.append(element("span", {}, phrase(text, about)));
    if (name === null) return shown;
    const click = () => run(kind === "mute" ? "unmute" : "unban", { name });
    const label = phrase("moderation.liftFor", { name });
    const lift = { type: "button", "aria-label": label, click };
    shown.append(element("button", lift, phrase("moderation.lift")));
    return shown;
  }
}
