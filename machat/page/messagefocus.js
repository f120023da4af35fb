// @ts-check
/**
 * The keyboard focus in a list of messages. One menu button of the list is reachable with Tab; the arrow
 * keys move from it to those of other messages. An element that is rendered again keeps the focus.
 *
 * @module
 */

/** The names of the elements that can have the focus are in `data-key`. */
const MENU = ".menu-button";

export class MessageFocus {
  #list;
  /** The message element and the name of the element in it that has the focus.
   * @type {{next: Element | null, key: string, index: number} | null} */
  #kept = null;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
    list.addEventListener("keydown", (event) => this.#keyed(event));
    list.addEventListener("focusin", ({ target }) => this.#focused(target));
  }

  /** Focus a message. @param {HTMLElement} [node] */
  focus(node) {
    const message = /** @type {HTMLElement | null} */ (node?.querySelector(".message") ?? null);
    message?.setAttribute("tabindex", "-1");
    message?.focus({ preventScroll: true });
  }

  /** Remember the focused element before the list is rendered. */
  keep() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const key = focused?.dataset.key;
    const item = focused?.closest(".item");
    this.#kept = null;
    if (key === undefined || !item || !this.#list.contains(item)) return;
    const index = [...this.#list.children].indexOf(item);
    this.#kept = { next: item.nextElementSibling, key, index };
  }

  /** Focus the same element again if it was rendered again, and make one menu button reachable. */
  restore() {
    const buttons = this.#buttons;
    if (buttons.length > 0 && !buttons.some((each) => each.tabIndex === 0)) {
      buttons[buttons.length - 1].tabIndex = 0;
    }
    if (this.#kept === null || document.activeElement !== this.#list) return;
    const { next, key, index } = this.#kept;
    const item = next?.isConnected ? next.previousElementSibling : this.#list.children[index];
    const keyed = /** @type {HTMLElement[]} */ ([...(item?.querySelectorAll("[data-key]") ?? [])]);
    const same = keyed.find((each) => each.dataset.key === key) ?? item?.querySelector(MENU);
    /** @type {HTMLElement | null | undefined} */ (same)?.focus({ preventScroll: true });
  }

  get #buttons() {
    return /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll(MENU)]);
  }

  /** @param {EventTarget | null} target */
  #focused(target) {
    const button = /** @type {HTMLElement} */ (target);
    if (!button.matches(MENU)) return;
    for (const each of this.#buttons) each.tabIndex = each === button ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const button = /** @type {HTMLElement} */ (event.target);
    if (!button.matches(MENU) || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    const buttons = this.#buttons;
    event.preventDefault();
    buttons[buttons.indexOf(button) + step]?.focus();
  }
}
