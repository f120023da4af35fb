// @ts-check
/**
 * The application: it connects a client with the views of its rooms.
 *
 * @module
 */

import { AddressedMessage, roomOf } from "./address.js";
import { ConnectAgain } from "./again.js";
import { key } from "./client.js";
import { Conversations } from "./conversations.js";
import { JumpDialog } from "./jump.js";
import { Keyboard } from "./keyboard.js";
import { listen } from "./listen.js";
import { recognise } from "./mentions.js";
import { Notifier } from "./notifications.js";
import { HISTORY, JoinDialog } from "./joindialog.js";
import { joinWithKey } from "./keys.js";
import { ConnectionView, ending } from "./connectionview.js";
import { byId } from "./dom.js";
import { TabStorage } from "./storage.js";
import { RoomView } from "./roomview.js";
import { SettingsView } from "./settingsview.js";
import { identify, newClient } from "./connect.js";
import { SignIn } from "./signin.js";
import { Tabs } from "./tabs.js";
import { phrase, translateDocument } from "./texts.js";
import { showTitle } from "./title.js";
import { TokenEndpoint } from "./tokens.js";
import { fitKeyboard } from "./viewport.js";

class App {
  /** @type {import("./client.js").Client | null} */
  #client = null;
  /** In this page's memory only. @type {string | undefined} */
  #password;
  /** @type {Map<string, RoomView>} */
  #rooms = new Map();
  /** The room to select first: others may be joined before it. */
  #first = "";
  #addressed = new AddressedMessage();
  /** Whether the rooms are those from before a reload, and none of them is joined yet. */
  #provisional = false;
  #storage = new TabStorage((unloads) => this.#now(unloads));
  #tokens = TokenEndpoint.named();
  #signIn = new SignIn((wish) => (this.#tokens ? this.#enter(wish.room) : this.#begin(wish)));
  #tabs = new Tabs(byId("tabs"), () => this.#turned());
  #settings = new SettingsView(() => this.#signOut());
  #notifier = new Notifier();
  #jump = new JumpDialog(
    () => this.#conversations.choices,
    (room) => this.#follow(room),
  );
  #keyboard = new Keyboard({
    move: (by) => this.#tabs.move(by),
    jump: () => this.#jump.open(),
    back: () => this.#tabs.current?.focus(),
    ready: () => this.#tabs.current !== null,
  });
  #conversations = new Conversations({
    client: () => this.#client,
    rooms: () => this.#tabs.rooms,
    current: () => this.#tabs.current,
    join: async (room) => this.#room({ room: await this.#joinDialog.join(room) }),
    back: (room) => void this.#client?.join(room, { history: HISTORY }).catch(() => {}),
    leave: (room) => this.#forget(room),
  });
  #again = new ConnectAgain(
    () => this.#client,
    this.#tokens === null ? (password) => (this.#password = password) : null,
  );
  #connection = new ConnectionView(() => this.#again.connect());
  #joinDialog = new JoinDialog({
    client: () => this.#client,
    has: (room) => this.#room({ room }) !== undefined,
    show: (room) => this.#show({ room }),
    done: () => {
      this.#tabs.current?.focus();
      this.#addressed.show(this.#tabs.current);
    },
    closed: () => this.#turned(),
  });

  start() {
    byId("join-open").addEventListener("click", () => this.#joinDialog.open());
    byId("settings-open").addEventListener("click", () =>
      this.#settings.open(this.#client?.name ?? ""),
    );
    byId("keys-open").addEventListener("click", () => this.#keyboard.help());
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault();
      this.#tabs.current?.focus();
    });
    document.addEventListener("visibilitychange", () => this.#tabs.current?.looked());
    addEventListener("hashchange", () => this.#follow(this.#addressed.read()));
    addEventListener("beforeunload", (event) => {
      if (this.#client?.unacknowledged) event.preventDefault();
    });
    this.#signIn.show();
    if (this.#tokens !== null) this.#enterByToken();
    else if (this.#storage.before !== null) this.#restore(this.#storage.before);
  }

  /** Use the name and the rooms from before a reload, or the room in the address, or ask for a room. */
  async #enterByToken() {
    this.#signIn.fixName();
    const { before } = this.#storage;
    const name = await identify(this.#tokens, this.#signIn);
    if (name === null) return;
    if (before !== null && key(before.name) === key(name)) this.#restore(before);
    else if (roomOf(location.hash)) this.#begin({ name, room: roomOf(location.hash) });
    else this.#signIn.show();
  }

  /** @param {string} room */
  async #enter(room) {
    const name = await identify(this.#tokens, this.#signIn);
    if (name !== null) this.#begin({ name, room });
  }

  // Sign-in and reconnects.

  /** @param {{name: string, room: string, password?: string}} wish */
  #begin({ name, room, password }) {
    if (key(this.#storage.before?.name ?? "") !== key(name)) this.#storage.forget();
    const { session, rooms = [] } = this.#storage.before ?? {};
    this.#password = password;
    this.#first = key(room);
    const client = this.#connect(name, session);
    for (const other of rooms) if (key(other) !== key(room)) this.#back(client, other);
    joinWithKey(client, room, HISTORY).then(
      (joined) => this.#show(joined),
      (error) => this.#refused(client, error, room),
    );
  }

  /**
   * Show the same rooms as before the page was reloaded, and rejoin them.
   *
   * @param {import("./storage.js").Tab} before
   */
  async #restore({ name, rooms, session }) {
    const named = roomOf(location.hash);
    const wanted = rooms.find((room) => key(room) === key(named)) ?? rooms[0];
    this.#first = key(wanted);
    this.#signIn.name = name;
    this.#signIn.room = named || wanted;
    const client = this.#connect(name, session);
    const back = rooms.map((room) => this.#back(client, room));
    this.#provisional = true;
    for (const room of rooms) this.#add(room).joining(name);
    this.#show({ room: wanted });
    await Promise.all(back);
    if (named && key(named) !== key(wanted) && client === this.#client) this.#follow(named);
  }

  /** @param {string} name @param {string} [session] */
  #connect(name, session) {
    this.#client?.close();
    const credentials = () => this.#tokens?.renew(name) ?? { password: this.#password };
    const account = this.#tokens !== null || this.#password !== undefined;
    this.#conversations.begin(account, this.#storage.before === null);
    const client = newClient({ name, credentials, session });
    this.#client = client;
    recognise(name);
    listen(client, {
      client: () => this.#client,
      room: (event) => this.#room(event),
      joined: (event) => this.#joined(event),
      conversations: (event) => this.#conversations.known(event),
      state: (state) => this.#state(state),
    });
    client.open();
    return client;
  }

  /**
   * Rejoin a room. If it is refused, its view shows the reason.
   *
   * @param {import("./client.js").Client} client
   * @param {string} room
   */
  async #back(client, room) {
    try {
      const joined = await client.join(room, { history: HISTORY });
      if (key(joined.room) !== key(room)) this.#close(room); // the server treats more names as equal
    } catch (error) {
      const { code, message } = /** @type {import("./client.js").ChatError} */ (error);
      if (client.state.state === "ended") this.#refused(client, /** @type {any} */ (error));
      else if (client === this.#client && code !== "left") this.#outside(room, message);
    }
  }

  /**
   * @param {import("./client.js").Client} client
   * @param {{code: string, message: string, login?: string}} error
   * @param {string} [room] The room that was to be selected first.
   */
  #refused(client, { code, message, login }, room) {
    if (client !== this.#client) return;
    if (this.#rooms.size > 0 && !this.#provisional) {
      if (room && client.state.state !== "ended") this.#outside(room, message);
      return;
    }
    const ended = code === "ended" ? ending(client.state) : message;
    this.#storage.keepUnsent(this.#now(true)?.unsent ?? {});
    this.#end();
    this.#signIn.refuse({ code, message: ended, login });
  }

  // The client's events.

  /** @param {{room: string}} event */
  #room({ room }) {
    return this.#rooms.get(key(room));
  }

  /** @param {any} event */
  #joined(event) {
    this.#provisional = false;
    const room = this.#room(event) ?? (this.#conversations.admit(event) && this.#add(event.room));
    if (!room) return;
    room.joined(event);
    this.#addressed.show(room);
  }

  /** Select a joined room. @param {{room: string}} joined */
  #show(joined) {
    const room = this.#room(joined);
    if (room === undefined) return;
    this.#tabs.turn(room);
    room.focus();
  }

  /** @param {import("./connection.js").State} state */
  #state(state) {
    this.#again.show(state);
    if (byId("chat").hidden) this.#signIn.progress(state);
    else this.#connection.show(state);
    this.#joinDialog.progress();
  }

  // Rooms.

  /** @param {string} name */
  #add(name) {
    const client = /** @type {import("./client.js").Client} */ (this.#client);
    const room = new RoomView(client, name, {
      people: this.#conversations.people,
      restored: this.#storage.restores(name),
      changed: () => {
        this.#tabs.show(room);
        this.#title();
      },
      received: (message) =>
        this.#notifier.message(message, room, () => this.#show({ room: name })),
      direct: (other, text) => this.#conversations.open(other, text),
      drafted: (draft) => this.#storage.setDraft(name, draft),
      sending: () => this.#storage.storeSoon(),
      join: (other) => this.#joinDialog.join(other),
      leave: () => this.#leave(room),
      quit: () => this.#signOut(),
    });
    this.#rooms.set(key(name), room);
    byId("rooms").append(room.element);
    this.#tabs.add(room);
    this.#signIn.hide();
    byId("chat").hidden = false;
    byId("me").textContent = client.name;
    /** @type {HTMLInputElement} */ (byId("password-name")).value = client.name;
    this.#connection.show(client.state);
    room.draft = this.#storage.draft(name);
    room.restore(this.#storage.takeUnsent(name));
    if (this.#tabs.current === null && key(name) === this.#first) this.#tabs.turn(room);
    this.#storage.store();
    return room;
  }

  /** Select or join the room in the address of the page. @param {string} name */
  #follow(name) {
    if (byId("chat").hidden) this.#signIn.room = name;
    else if (name) this.#joinDialog.submit(name);
    else this.#turned();
  }

  /** Remove the view of a room. @param {string} name */
  #close(name) {
    const room = this.#room({ room: name });
    this.#rooms.delete(key(name));
    if (room !== undefined) this.#tabs.remove(room);
  }

  /** Show why the user is not in a room. @param {string} room @param {string} text */
  #outside(room, text) {
    (this.#room({ room }) ?? this.#add(room)).left({ text });
  }

  /** Disconnect, remove all rooms, and show the sign-in form. */
  #end() {
    this.#client?.close();
    this.#client = null;
    for (const { name } of [...this.#rooms.values()]) this.#close(name);
    this.#provisional = false;
    byId("chat").hidden = true;
    this.#title();
    this.#signIn.show();
  }

  /** @param {RoomView} room */
  #leave(room) {
    this.#forget(room);
    if (this.#rooms.size > 0) this.#tabs.current?.focus();
    else this.#signOut();
  }

  /** @param {RoomView} room */
  #forget(room) {
    this.#close(room.name); // sends its read marker
    this.#client?.leave(room.name);
    this.#storage.setDraft(room.name, "");
  }

  /** Leave all rooms, and forget what the next user of the browser may not see. */
  #signOut() {
    this.#password = undefined;
    this.#addressed.forget();
    this.#notifier.close();
    this.#signIn.forgetConversation();
    this.#end();
    this.#storage.forget();
    this.#storage.store();
    history.replaceState(null, "", location.pathname + location.search);
  }

  #turned() {
    const { current } = this.#tabs;
    if (current !== null) history.replaceState(null, "", `#${encodeURIComponent(current.name)}`);
    this.#title();
  }

  #title() {
    showTitle([...this.#rooms.values()], this.#tabs.current?.label);
  }

  /** The data that a reloaded page needs. @param {boolean} unloads */
  #now(unloads) {
    const rooms = this.#tabs.rooms.map(({ name }) => name);
    if (this.#client === null || rooms.length === 0) return null;
    const { name, session } = this.#client;
    const unsent = [...this.#rooms].map(([each, room]) => [each, room.unsent(unloads)]);
    return { name, rooms, session, unsent: Object.fromEntries(unsent) };
  }
}

translateDocument();
fitKeyboard();
new App().start();
