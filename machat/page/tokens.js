// @ts-check
/**
 * The user's name and token, if the operator's own site knows them. The server writes the address of the
 * site's token endpoint into the document. The endpoint recognises the user by a cookie, and answers
 * `{"name": ..., "token": ...}`. To a user who is not logged in, it answers 401 or 403, and may add
 * `{"text": ..., "login": ...}`: the reason, and the address at which to log in.
 *
 * @module
 */

import { ChatError, key } from "./client.js";
import { phrase } from "./texts.js";

/** The timeout of a request, milliseconds. */
const TIMEOUT = 10_000;

/** The maximum length of a reason, characters. */
const LONGEST = 600;

/** The status codes of temporary failures, in addition to 5xx. */
const TEMPORARY = [408, 425, 429];

/** The user is not logged in at the site. A client ends, even if it was connected before. */
export class LoggedOut extends ChatError {
  /**
   * @param {string} text
   * @param {string} [login] The address at which to log in.
   */
  constructor(text, login) {
    super("logged-out", text);
    this.login = login;
  }
}

export class TokenEndpoint {
  #url;

  /** @param {URL} url */
  constructor(url) {
    this.#url = url;
  }

  /** @returns {TokenEndpoint | null} The endpoint that the document names, if it names one. */
  static named() {
    const named = document.querySelector("meta[name=machat-tokens]")?.getAttribute("content");
    return named ? new TokenEndpoint(new URL(named, document.baseURI)) : null;
  }

  /**
   * Request the name and a new token of the user.
   *
   * @returns {Promise<{name: string, token: string}>} Rejected with {@link LoggedOut}; with `unreachable`
   *     if a later request may succeed; else with `refused`.
   */
  async request() {
    const answer = await this.#ask();
    const { status } = answer;
    const data = await answer.json().catch(() => null);
    if (status === 401 || status === 403 || answer.type === "opaqueredirect")
      throw new LoggedOut(this.#text(data), this.#login(data));
    if (status >= 500 || TEMPORARY.includes(status))
      throw new ChatError("unreachable", phrase("tokens.failed", { status: String(status) }));
    if (typeof data?.name !== "string" || typeof data.token !== "string")
      throw new ChatError(
        "refused",
        phrase("tokens.missing", { url: this.#url.href, status: String(status) }),
      );
    return { name: data.name, token: data.token };
  }

  /**
   * Request a new token for the user of a client.
   *
   * @param {string} name
   * @returns {Promise<{token: string}>} Rejected as by `request`, or because there is another user.
   */
  async renew(name) {
    const { name: current, token } = await this.request();
    if (key(current) === key(name)) return { token };
    throw new LoggedOut(phrase("tokens.other", { name: current }));
  }

  async #ask() {
    const signal = AbortSignal.timeout(TIMEOUT);
    try {
      const options = { cache: "no-store", credentials: "include", redirect: "manual", signal };
      return await fetch(this.#url, /** @type {RequestInit} */ (options));
    } catch {
      throw new ChatError("unreachable", phrase("tokens.unreachable"));
    }
  }

  /** @param {any} data */
  #text(data) {
    return typeof data?.text === "string" && data.text
      ? data.text.slice(0, LONGEST)
      : phrase("tokens.loggedOut");
  }

  /**
   * @param {any} data
   * @returns {string | undefined} An address of a web page.
   */
  #login(data) {
    if (typeof data?.login !== "string" || !URL.canParse(data.login, this.#url.href))
      return undefined;
    const { protocol, href } = new URL(data.login, this.#url.href);
    return protocol === "https:" || protocol === "http:" ? href : undefined;
  }
}

/**
 * Show or hide the link to the login.
 *
 * @param {HTMLElement} link
 * @param {any} [error] The reason why the client has ended.
 */
export function showLogin(link, error) {
  link.hidden = !error?.login;
  if (error?.login) link.setAttribute("href", error.login);
}
