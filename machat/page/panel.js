// @ts-check
/**
 * A dialog with a title and a button that closes it.
 *
 * @module
 */

import { element } from "./dom.js";
import { phrase } from "./texts.js";

/**
 * @param {string} id
 * @param {string} title
 * @param {...Node} children The content.
 * @returns {HTMLDialogElement}
 */
export function panel(id, title, ...children) {
  const heading = element("h2", { id: `${id}-title` }, title);
  const click = () => dialog.close();
  const close = element("button", { type: "button", click }, phrase("dialog.close"));
  const card = element("div", { class: "card" }, heading, ...children);
  card.append(element("div", { class: "row" }, close));
  const dialog = /** @type {HTMLDialogElement} */ (
    element("dialog", { id, "aria-labelledby": heading.id }, card)
  );
  document.body.append(dialog);
  return dialog;
}
