// @ts-check
/**
 * The dialog that asks for an emoji: a field for the emoji or its name, and the emoji to choose from.
 *
 * @module
 */

import { ask } from "./ask.js";
import { element } from "./dom.js";
import { findEmoji, loadEmoji, signOf } from "./emoji.js";
import { phrase } from "./texts.js";

/**
 * @param {object} options
 * @param {string} options.title
 * @param {string} options.submit The label of the button.
 * @param {(emoji: string) => Promise<unknown>} options.chosen If the promise is rejected, the dialog stays
 *     open and shows the error.
 */
export function askEmoji({ title, submit, chosen }) {
  const field = { name: "emoji", label: phrase("emoji.field"), most: 32, required: true };
  ask({
    title,
    fields: [field],
    aid: grid,
    submit,
    submitted: ({ emoji }) => chosen(signOf(emoji.trim()) ?? emoji.trim()),
  });
}

/**
 * @param {HTMLFormElement} form
 * @returns {HTMLElement} The emoji whose names contain the text of the field.
 */
function grid(form) {
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("emoji"));
  const choose = (/** @type {string} */ sign) => {
    field.value = sign;
    form.requestSubmit();
  };
  const shown = element("div", {
    class: "emoji",
    role: "group",
    tabindex: "-1", // Firefox would stop at an element that scrolls
    "aria-label": phrase("emoji.title"),
    keydown: (event) => keyed(/** @type {KeyboardEvent} */ (event), shown),
  });
  const show = () =>
    shown.replaceChildren(
      ...findEmoji(field.value.trim()).map(({ sign, name }, index) =>
        element(
          "button",
          {
            type: "button",
            class: "quiet",
            tabindex: index === 0 ? "0" : "-1",
            "aria-label": name,
            title: name,
            click: () => choose(sign),
          },
          sign,
        ),
      ),
    );
  field.addEventListener("input", show);
  loadEmoji().then(show);
  return shown;
}

/**
 * Move the focus in the grid with the arrow keys.
 *
 * @param {KeyboardEvent} event
 * @param {HTMLElement} grid
 */
function keyed(event, grid) {
  const all = /** @type {HTMLElement[]} */ ([...grid.children]);
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const top = all[0]?.offsetTop;
  const row = all.filter(({ offsetTop }) => offsetTop === top).length;
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
  const next = by === undefined ? undefined : all[at + by];
  if (at < 0 || next === undefined) return;
  event.preventDefault();
  all[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
