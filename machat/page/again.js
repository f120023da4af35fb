// @ts-check
/**
 * The connection that a user asks for after the client has ended or while it waits. If the server has
 * refused the password, a dialog asks for it.
 *
 * @module
 */

import { ending, interruption } from "./connectionview.js";
import { FieldDialog } from "./dialog.js";
import { phrase } from "./texts.js";

/** @typedef {import("./connection.js").State} State */

/** The close code for a wrong password or token. */
const BAD_CREDENTIALS = 3500;

export class ConnectAgain {
  /** Called with each state while the dialog waits. @type {((state: State) => void) | null} */
  #waiting = null;
  #client;
  #usePassword;
  #dialog = new FieldDialog("password", { submitted: (password) => this.#submit(password) });

  /**
   * @param {() => import("./client.js").Client | null} client Returns the current client.
   * @param {((password: string) => void) | null} usePassword Sets the password of the client; `null` if
   *     its credentials are tokens.
   */
  constructor(client, usePassword) {
    this.#client = client;
    this.#usePassword = usePassword;
  }

  /** Connect now. */
  connect() {
    const client = this.#client();
    const { state, code } = client?.state ?? {};
    if (code === BAD_CREDENTIALS && this.#usePassword !== null) this.#dialog.open();
    else if (state === "ended") client?.open();
    else client?.retry();
  }

  /** Show the progress. @param {State} state */
  show(state) {
    this.#waiting?.(state);
    if (state.state === "online" || state.state === "ended") this.#waiting = null;
  }

  /** @param {string} password */
  #submit(password) {
    this.#usePassword?.(password);
    return new Promise((resolve, reject) => {
      this.#waiting = (state) => {
        if (state.state === "online") resolve(undefined);
        else if (state.state === "ended") reject(new Error(ending(state)));
        else this.#dialog.progress(interruption(state) || phrase("connection.progress"));
      };
      this.#client()?.open();
    });
  }
}
