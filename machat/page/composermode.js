// @ts-check
/**
 * The purpose of the text in the message field: a new message, a reply to one, or an edit of one. A line
 * above the field shows it.
 *
 * @module
 */

import { summary } from "./content.js";
import { element } from "./dom.js";
import { phrase } from "./texts.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {{kind: "reply" | "edit", message: Message}} Mode */

export class ComposerMode {
  /** @type {Mode | null} */
  current = null;
  /** The draft from before an edit. */
  #draft = "";
  #text = element("span", { class: "about" });
  #field;

  /** @param {{get: () => string, set: (text: string) => void}} field The content of the field. */
  constructor(field) {
    this.#field = field;
    const cancel = { type: "button", class: "quiet", click: () => this.cancel() };
    const button = element("button", cancel, phrase("dialog.cancel"));
    this.element = element("div", { class: "mode", hidden: true }, this.#text, button);
  }

  /** Whether the field contains an edit. */
  get edits() {
    return this.current?.kind === "edit";
  }

  /** @param {Message} message */
  reply(message) {
    this.cancel();
    this.#show({ kind: "reply", message });
    this.#field.set(this.#field.get());
  }

  /**
   * @param {Message} message
   * @param {string} [text] The new text, if it was typed before.
   */
  edit(message, text = message.text) {
    this.cancel();
    this.#draft = this.#field.get();
    this.#show({ kind: "edit", message });
    this.#field.set(text);
  }

  /** Return to a new message. After an edit, the draft from before is in the field again. */
  cancel() {
    const { edits } = this;
    this.#show(null);
    if (edits) this.#field.set(this.#draft);
    this.#draft = "";
  }

  /** Update the line, because a message has changed. An edit of a redacted message is cancelled. */
  changed(/** @type {Message} */ message) {
    if (this.current?.message !== message) return;
    if (message.redacted !== null) this.cancel();
    else this.#show(this.current);
  }

  /** @param {Mode | null} mode */
  #show(mode) {
    this.current = mode;
    this.element.hidden = mode === null;
    this.#text.replaceChildren();
    if (mode === null) return;
    if (mode.kind === "edit") this.#text.append(phrase("change.editing"));
    else {
      const name = element("bdi", {}, mode.message.from);
      this.#text.append(phrase("reply.to"), name, " ", summary(mode.message));
    }
  }
}
