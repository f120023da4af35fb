// @ts-check
/**
 * The page: a client, its rooms, and what they hear.
 *
 * @module
 */

import { Client, key } from "./client.js";
import { ConnectionView, ending } from "./connectionview.js";
import { byId } from "./dom.js";
import { RoomView } from "./roomview.js";
import { SignIn, sentence } from "./signin.js";
import { Tabs } from "./tabs.js";

/** How many of a room's last messages to show on coming in. */
const HISTORY = 50;

/** Where the chat is: beside the page, wherever a proxy has put that. */
const URL_ = new URL("mychat", document.baseURI);
URL_.protocol = URL_.protocol === "https:" ? "wss:" : "ws:";

class App {
  /** @type {Client | null} */
  #client = null;
  /** @type {Map<string, RoomView>} */
  #rooms = new Map();
  #signIn = new SignIn((wish) => this.#begin(wish));
  #tabs = new Tabs(byId("tabs"), () => this.#turned());
  #connection = new ConnectionView(() => this.#again());
  #dialog = /** @type {HTMLDialogElement} */ (byId("join"));

  start() {
    byId("join-open").addEventListener("click", () => this.#askRoom());
    byId("join-cancel").addEventListener("click", () => this.#dialog.close());
    byId("join-form").addEventListener("submit", (event) => this.#joinAsked(event));
    byId("skip").addEventListener("click", (event) => this.#skip(event));
    document.addEventListener("visibilitychange", () => this.#tabs.current?.looked());
    addEventListener("hashchange", () => (this.#signIn.room = location.hash));
    addEventListener("beforeunload", (event) => {
      if (this.#client?.unacknowledged) event.preventDefault();
    });
    this.#signIn.show();
  }

  // Coming in.

  /** @param {import("./signin.js").Wish} wish */
  #begin({ name, room, password }) {
    this.#client?.close();
    const client = new Client(URL_, { name, password });
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
  #refused(client, error) {
    client.close();
    const { state } = client;
    const message = error.code === "ended" ? ending(state) : error.message;
    this.#signIn.refuse({ code: error.code, message });
  }

  /** @param {Client} client */
  #hear(client) {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ hear) =>
      client.addEventListener(type, (event) => {
        if (client === this.#client) hear(/** @type {CustomEvent} */ (event).detail);
      });
    const tell = (/** @type {"message" | "presence" | "room" | "gap" | "left"} */ type) =>
      on(type, (detail) => this.#room(detail)?.[type](detail));
    for (const type of /** @type {const} */ (["message", "presence", "room", "gap", "left"])) {
      tell(type);
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
    let room = this.#room(event);
    if (room === undefined) {
      room = this.#add(event.room);
      room.joined(event);
      this.#tabs.turn(room);
      room.focus();
    } else {
      room.joined(event);
    }
  }

  /** @param {string} name */
  #add(name) {
    if (this.#client === null) throw new Error("not signed in");
    const room = new RoomView(this.#client, name, {
      changed: () => this.#unread(room),
      left: () => this.#leave(room),
    });
    this.#rooms.set(key(name), room);
    byId("rooms").append(room.element);
    this.#tabs.add(room);
    this.#signIn.hide();
    byId("chat").hidden = false;
    byId("me").textContent = this.#client.name;
    this.#connection.show(this.#client.state);
    return room;
  }

  /** @param {import("./connection.js").State} state */
  #state(state) {
    if (!byId("chat").hidden) {
      this.#connection.show(state);
    } else if (state.state !== "ended") {
      const words = {
        connecting: "Connecting…",
        online: "Joining…",
        waiting: "The server cannot be reached. Trying again…",
      };
      this.#signIn.say(words[state.state]);
    }
  }

  #again() {
    if (this.#client?.state.state === "ended") this.#client.open();
    else this.#client?.retry();
  }

  // Rooms.

  #askRoom() {
    byId("join-said").textContent = "";
    this.#dialog.showModal();
  }

  /** @param {Event} event */
  #joinAsked(event) {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (byId("join-room"));
    const name = field.value.trim();
    const open = this.#rooms.get(key(name));
    const done = () => {
      this.#dialog.close();
      field.value = "";
    };
    if (open !== undefined) {
      done();
      this.#tabs.turn(open);
      open.focus();
      return;
    }
    this.#client?.join(name, { history: HISTORY }).then(
      () => {
        done();
        this.#tabs.current?.focus();
      },
      (error) => (byId("join-said").textContent = sentence(error.message)),
    );
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
    byId("chat").hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
    document.title = "MaChat";
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
    if (byId("chat").hidden) this.#signIn.show();
    else this.#tabs.current?.focus();
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
