// @ts-check
/**
 * The first script of the document. The others arrive after the form, so this one keeps a form that is
 * submitted before them, opens the WebSocket of a reloaded page, and loads the texts of another language.
 * See `signin.js`, `connect.js` and `texts.js`.
 */

{
  const early = {
    submitted: false,
    /** @type {WebSocket | undefined} */
    socket: undefined,
    /** @param {SubmitEvent} event */
    submit(event) {
      event.preventDefault();
      early.submitted = true;
      event.submitter?.setAttribute("disabled", "");
    },
  };
  Object.assign(globalThis, { early });
  addEventListener("submit", early.submit);

  const { pathname } = new URL(".", document.baseURI);
  const tokens = document.querySelector('meta[name="machat-tokens"]')?.getAttribute("content");
  let stored = null;
  try {
    stored = sessionStorage.getItem(pathname === "/" ? "machat.tab" : `machat.tab ${pathname}`);
  } catch {
    // the browser denies access to the storage
  }
  if (stored !== null && !tokens) {
    const url = new URL("mychat", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    early.socket = new WebSocket(url);
  }

  let choice = "";
  try {
    choice = JSON.parse(localStorage.getItem("machat.settings") ?? "{}")?.language;
  } catch {
    // no settings
  }
  const languages = [choice, ...navigator.languages.map((each) => each.split("-")[0])];
  if (languages.find((each) => each === "en" || each === "de") === "de") {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = "german.js";
    document.head.append(link);
  }
}
