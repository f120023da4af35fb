// @ts-check
/**
 * The page: a client, its rooms, and what they hear.
 *
 * @module
 */

import { Ask } from "./ask.js";
import { Client, key } from "./client.js";
import { ConnectionView, ending } from "./connectionview.js";
import { byId } from "./dom.js";
import { RoomView } from "./roomview.js";
import { SignIn } from "./signin.js";
import { Tabs } from "./tabs.js";

/** How many of a room's last messages to show on coming in. */
const HISTORY = 50;

/** The end of a connection whose password or token is not good. */
const BAD_CREDENTIALS = 3500;

/** @returns {URL} Where the chat is: beside the page, wherever a proxy has put that. */
function chatUrl() {
  const url = new URL("mychat", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

class App {
  /** @type {Client | null} */
  #client = null;
  /** In this page's memory only. @type {string | undefined} */
  #password;
  /** @type {Map<string, RoomView>} */
  #rooms = new Map();
  #signIn = new SignIn((wish) => this.#begin(wish));
  #tabs = new Tabs(byId("tabs"), () => this.#turned());
  #connection = new ConnectionView(() => this.#again());
  #askRoom = new Ask(
    "join",
    (room) => this.#join(room.trim()),
    () => this.#tabs.current?.focus(),
  );
  #askPassword = new Ask("password", (password) => this.#comeBack(password));

  start() {
    byId("join-open").addEventListener("click", () => this.#askRoom.open());
    byId("skip").addEventListener("click", (event) => this.#skip(event));
    document.addEventListener("visibilitychange", () => this.#tabs.current?.looked());
    addEventListener("hashchange", () => (this.#signIn.room = location.hash));
    addEventListener("beforeunload", (event) => {
      if (this.#client?.unacknowledged) event.preventDefault();
    });
    this.#signIn.show();
  }

  // Coming in, and back.

  /** @param {import("./signin.js").Wish} wish */
  #begin({ name, room, password }) {
    this.#client?.close();
    this.#password = password;
    const credentials = () => ({ password: this.#password });
    const client = new Client(chatUrl(), { name, credentials });
    this.#client = client;
    this.#hear(client);
    client.open();
    client.join(room, { history: HISTORY }).catch((error) => {
      if (this.#client === client) this.#refused(client, error);
    });
  }

  /**
   * @param {Client} client
   * @param {{code: string, message: string}} error
   */
  #refused(client, { code, message }) {
    client.close();
    this.#signIn.refuse({ code, message: code === "ended" ? ending(client.state) : message });
  }

  #again() {
    const state = this.#client?.state;
    if (state?.code === BAD_CREDENTIALS) this.#askPassword.open();
    else if (state?.state === "ended") this.#client?.open();
    else this.#client?.retry();
  }

  /** @param {string} password */
  async #comeBack(password) {
    this.#password = password;
    this.#client?.open();
  }

  // What is heard.

  /** @param {Client} client */
  #hear(client) {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ hear) =>
      client.addEventListener(type, (event) => {
        if (client === this.#client) hear(/** @type {CustomEvent} */ (event).detail);
      });
    for (const type of /** @type {const} */ (["message", "presence", "room", "gap", "left"])) {
      on(type, (detail) => this.#room(detail)?.[type](detail));
    }
    on("joined", (detail) => this.#joined(detail));
    on("state", (state) => this.#state(state));
  }

  /** @param {{room: string}} event */
  #room({ room }) {
    return this.#rooms.get(key(room));
  }

  /** @param {any} event */
  #joined(event) {
    const known = this.#room(event);
    const room = known ?? this.#add(event.room);
    room.joined(event);
    if (known === undefined) {
      this.#tabs.turn(room);
      room.focus();
    }
  }

  /** @param {import("./connection.js").State} state */
  #state(state) {
    if (!byId("chat").hidden) this.#connection.show(state);
    else if (state.state === "waiting")
      this.#signIn.say("The server does not answer. Trying again…");
    else if (state.state !== "ended") this.#signIn.say("Connecting…");
  }

  // Rooms.

  /** @param {string} name */
  #add(name) {
    const client = /** @type {Client} */ (this.#client);
    const room = new RoomView(client, name, {
      changed: () => this.#unread(room),
      left: () => this.#leave(room),
    });
    this.#rooms.set(key(name), room);
    byId("rooms").append(room.element);
    this.#tabs.add(room);
    this.#signIn.hide();
    byId("chat").hidden = false;
    byId("me").textContent = client.name;
    this.#connection.show(client.state);
    return room;
  }

  /** @param {string} name */
  async #join(name) {
    const open = this.#room({ room: name });
    if (open !== undefined) this.#tabs.turn(open);
    else await this.#client?.join(name, { history: HISTORY });
  }

  /** @param {RoomView} room */
  #leave(room) {
    this.#client?.leave(room.name);
    this.#rooms.delete(key(room.name));
    this.#tabs.remove(room);
    if (this.#rooms.size > 0) this.#tabs.current?.focus();
    else this.#signOut();
  }

  /** Nothing is left to see: back to the beginning. */
  #signOut() {
    this.#client?.close();
    this.#client = null;
    this.#password = undefined;
    byId("chat").hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
    this.#title();
    this.#signIn.show();
  }

  #turned() {
    const { current } = this.#tabs;
    if (current !== null) history.replaceState(null, "", `#${encodeURIComponent(current.name)}`);
    this.#title();
  }

  /** @param {RoomView} room */
  #unread(room) {
    this.#tabs.show(room);
    this.#title();
  }

  #title() {
    const unread = [...this.#rooms.values()].reduce((sum, room) => sum + room.unread, 0);
    const name = this.#tabs.current?.name;
    document.title = `${unread ? `(${unread}) ` : ""}${name ? `${name} – ` : ""}MaChat`;
  }

  /** @param {Event} event */
  #skip(event) {
    event.preventDefault();
    this.#tabs.current?.focus();
  }
}

/** A keyboard on the screen takes its place from the page, where the browser does not do that. */
function fitKeyboard() {
  const view = window.visualViewport;
  const fit = () =>
    document.documentElement.style.setProperty("--height", `${view?.height ?? innerHeight}px`);
  view?.addEventListener("resize", fit);
  fit();
}

fitKeyboard();
new App().start();
