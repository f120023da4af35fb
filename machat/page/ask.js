// @ts-check
/**
 * A dialog with some fields, which is made when it is needed. It stays open until its values were
 * processed successfully.
 *
 * @module
 */

import { element } from "./dom.js";
import { phrase } from "./texts.js";
import { explained } from "./times.js";

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} [value]
 * @property {number} [most] The maximum number of characters.
 * @property {boolean} [required]
 * @property {[string, string][]} [choices] Values and their labels.
 *
 * @typedef {object} Question
 * @property {string} title
 * @property {string} [text]
 * @property {Field[]} fields
 * @property {(form: HTMLFormElement) => Node} [aid] Makes an element below the fields.
 * @property {string} submit The label of the button.
 * @property {boolean} [danger] Whether it removes something.
 * @property {(values: Record<string, string>) => Promise<unknown>} submitted If the promise is rejected,
 *     the dialog stays open and shows the error.
 * @property {() => void} [closed] Called when the dialog closes.
 */

let count = 0;

/** @param {Field} field */
function input({ name, label, value = "", most, required = false, choices }) {
  const made =
    choices === undefined
      ? element("input", { name, value, autocomplete: "off", required, dir: "auto" })
      : element("select", { name }, ...choices.map(([each, words]) => option(each, words)));
  if (most !== undefined) made.setAttribute("maxlength", String(most));
  return element("label", {}, element("span", {}, label), made);
}

/**
 * @param {string} value
 * @param {string} words
 */
function option(value, words) {
  return element("option", { value }, words);
}

/**
 * @param {string} title
 * @returns {{dialog: HTMLDialogElement, said: HTMLElement}} A dialog, which is removed when it closes, and
 *     the element for its errors.
 */
export function makeDialog(title) {
  const id = `ask${++count}`;
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { "aria-labelledby": id }));
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  dialog.append(element("h2", { id }, title));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  });
  document.body.append(dialog);
  const said = element("p", { class: "said", role: "status" });
  return { dialog, said };
}

/** @param {Question} question */
export function ask({ title, text, fields, aid, submit, danger = false, submitted, closed }) {
  const { dialog, said } = makeDialog(title);
  const button = element("button", { class: "primary", type: "submit" }, submit);
  button.classList.toggle("danger", danger);
  const cancel = { type: "button", click: () => dialog.close() };
  const form = /** @type {HTMLFormElement} */ (
    element("form", { class: "card", method: "dialog" })
  );
  if (text !== undefined) form.append(element("p", {}, text));
  form.append(...fields.map(input));
  if (aid !== undefined) form.append(aid(form));
  form.append(said);
  form.append(
    element("div", { class: "row" }, button, element("button", cancel, phrase("dialog.cancel"))),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    try {
      await submitted(/** @type {Record<string, string>} */ (values));
      dialog.close();
    } catch (error) {
      said.textContent = explained(error);
      said.classList.add("wrong");
    }
  });
  dialog.append(form);
  dialog.addEventListener("close", () => closed?.());
  dialog.showModal();
}
