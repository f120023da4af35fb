// @ts-check
/**
 * A menu next to the button that opens it. There is at most one at a time.
 *
 * @module
 */

import { byId, element } from "./dom.js";

/** The distance from the edges of the page, pixels. */
const EDGE = 8;

/**
 * @typedef {object} Entry
 * @property {string} label
 * @property {() => void} act
 * @property {string} [sign] Shown in place of the label. Entries with a sign are in one row.
 * @property {boolean} [danger] Whether it removes something.
 */

/** Closes the open menu. @type {(() => void) | null} */
let close = null;

/**
 * @param {HTMLElement} button
 * @param {string} label The name of the menu for screen readers.
 * @param {Entry[]} entries
 * @param {() => void} [returned] Focuses an element when the menu closes and the button is no longer on
 *     the page.
 */
export function openMenu(button, label, entries, returned) {
  close?.();
  if (entries.length === 0) return;
  const menu = element("div", { class: "menu", role: "menu", "aria-label": label });
  const row = element("div", { class: "signs", role: "none" });
  for (const { sign, label, act, danger } of entries) {
    const one = element("button", { type: "button", role: "menuitem", tabindex: "-1" });
    one.append(sign ?? label);
    if (sign !== undefined) one.setAttribute("aria-label", label);
    one.classList.toggle("danger", danger === true);
    one.addEventListener("click", () => {
      close?.();
      act();
    });
    (sign === undefined ? menu : row).append(one);
  }
  if (row.childElementCount > 0) menu.prepend(row);
  byId("rooms").append(menu);
  place(menu, button);
  listen(menu, button, returned);
  items(menu)[0].focus({ preventScroll: true });
}

/** Close the open menu, if there is one. */
export function closeMenu() {
  close?.();
}

/** @param {HTMLElement} menu */
function items(menu) {
  return /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("[role=menuitem]")]);
}

/**
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 * @param {() => void} [returned]
 */
function listen(menu, button, returned) {
  const shut = () => {
    close = null;
    removeEventListener("pointerdown", outside, true);
    removeEventListener("resize", shut);
    removeEventListener("wheel", outside, true);
    const focused = menu.contains(document.activeElement);
    button.removeAttribute("aria-expanded");
    menu.remove();
    if (!focused) return;
    if (button.isConnected) button.focus({ preventScroll: true });
    else returned?.();
  };
  const outside = (/** @type {Event} */ event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) shut();
  };
  close = shut;
  button.setAttribute("aria-expanded", "true");
  addEventListener("pointerdown", outside, true);
  addEventListener("wheel", outside, { capture: true, passive: true });
  addEventListener("resize", shut);
  menu.addEventListener("keydown", (event) => keyed(event, menu, shut));
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} menu
 * @param {() => void} shut
 */
function keyed(event, menu, shut) {
  const all = items(menu);
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = new Map([
    ["ArrowDown", at + 1],
    ["ArrowRight", at + 1],
    ["ArrowUp", at - 1],
    ["ArrowLeft", at - 1],
    ["Home", 0],
    ["End", -1],
  ]).get(event.key);
  if (event.key === "Escape" || event.key === "Tab") shut();
  else if (next === undefined) return;
  else all.at(next % all.length)?.focus();
  event.preventDefault();
  event.stopPropagation();
}

/**
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 */
function place(menu, button) {
  const { left, right, top, bottom } = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const { clientWidth, clientHeight } = document.documentElement;
  const x = left + width + EDGE > clientWidth ? right - width : left;
  const y = bottom + height + EDGE > clientHeight ? top - height : bottom;
  const fit = (/** @type {number} */ at, /** @type {number} */ most) =>
    String(Math.max(EDGE, Math.min(at, most - EDGE))) + "px";
  menu.style.left = fit(x, clientWidth - width);
  menu.style.top = fit(y, clientHeight - height);
}
