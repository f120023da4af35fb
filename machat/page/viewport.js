// @ts-check
/**
 * The part of the page that is visible.
 *
 * @module
 */

/** Shrink the page while an on-screen keyboard is open, if the browser does not do that. */
export function fitKeyboard() {
  const view = window.visualViewport;
  const fit = () =>
    document.documentElement.style.setProperty("--height", `${view?.height ?? innerHeight}px`);
  view?.addEventListener("resize", fit);
  fit();
}
