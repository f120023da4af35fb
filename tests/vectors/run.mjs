// Runs recorded conversations, as described in README.rst, against the package machat-client:
//
//     node run.mjs FILE.json ...
//
// It writes one line for each conversation that fails, and the number of those that succeed. Each runs
// three times: the random part of each delay is the shortest, a middle one, and the longest.

import { readFileSync } from "node:fs";
import { Client } from "machat-client";

/** The step in which time passes, seconds. */
const STEP = 0.05;

/** Lets all promises be settled that can be. */
const settle = () => new Promise((done) => setImmediate(done));

/** A clock with timers, milliseconds. */
class Clock {
  now = 0;
  timers = new Map();
  #count = 0;

  setTimeout(call, delay) {
    const timer = ++this.#count;
    this.timers.set(timer, { at: this.now + Math.max(0, delay), call });
    return timer;
  }

  clearTimeout(timer) {
    this.timers.delete(timer);
  }

  async advance(seconds) {
    const end = this.now + seconds * 1000;
    for (;;) {
      await settle();
      const due = [...this.timers].filter(([, { at }]) => at <= end + 1e-6);
      if (due.length === 0) break;
      const [timer, { at, call }] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
      this.timers.delete(timer);
      this.now = Math.max(this.now, at);
      call();
    }
    this.now = end;
  }
}

/** A client on a connection in memory. */
class Driver {
  sent = [];
  events = [];
  results = new Map();
  attempts = [];
  refusing = false;
  clock = new Clock();
  #socket = null;
  #online = false;
  #bye = false;

  constructor(options, random) {
    const driver = this;
    const credentials = options.credentials?.slice();
    class WebSocket {
      readyState = 0;

      constructor() {
        if (driver.refusing) queueMicrotask(() => driver.#end(this, 1006));
        else driver.attempts.push(this);
      }

      send(data) {
        driver.sent.push(JSON.parse(data));
      }

      close() {
        driver.#forget(this);
      }
    }
    this.client = new Client("ws://localhost/mychat", {
      name: "Mina",
      credentials: credentials && (() => credentials.shift() ?? {}),
      WebSocket,
      platform: {
        setTimeout: (call, delay) => this.clock.setTimeout(call, delay),
        clearTimeout: (timer) => this.clock.clearTimeout(timer),
        now: () => this.clock.now,
        time: () => 1764124800000 + this.clock.now,
        random: () => random,
      },
    });
    for (const type of ["message", "joined", "presence", "room", "moved", "left", "error"])
      this.client.addEventListener(type, ({ detail }) => this.events.push({ ...detail, type }));
    for (const type of ["gap", "expiring", "bye", "edited", "redacted", "reacted", "typing"])
      this.client.addEventListener(type, ({ detail }) => this.events.push({ ...detail, type }));
    for (const type of ["conversations", "read"])
      this.client.addEventListener(type, ({ detail }) => this.events.push({ ...detail, type }));
    this.client.addEventListener("bye", () => (this.#bye = true));
    this.client.addEventListener("state", ({ detail }) => this.#state(detail));
  }

  get open() {
    return this.#socket !== null;
  }

  /** Report a state in the words of the conversations. */
  #state({ state, error }) {
    if (state === "connecting") return;
    if (state === "online") this.events.push({ type: "connected" });
    else if (state === "waiting" || state === "ended") {
      const retry = state === "waiting";
      const type = this.#online || this.#bye ? "lost" : "failed";
      this.events.push({ type, retry, code: error?.code, text: error?.message });
    }
    this.#online = state === "online";
    this.#bye = false;
  }

  opened() {
    this.#socket = this.attempts.pop();
    this.#socket.readyState = 1;
    this.#socket.onopen?.({});
  }

  receive(event) {
    this.#socket.onmessage?.({ data: JSON.stringify(event) });
  }

  lose(code) {
    this.#end(this.#socket, code);
  }

  #end(socket, code) {
    this.#forget(socket);
    socket.onclose?.({ code, reason: "" });
  }

  #forget(socket) {
    socket.readyState = 3;
    if (this.#socket === socket) this.#socket = null;
    this.attempts = this.attempts.filter((each) => each !== socket);
  }

  do(name, command, { room, ...fields }) {
    const { client } = this;
    const commands = {
      open: () => client.open(),
      close: () => client.close(),
      join: () => client.join(room, fields),
      leave: () => client.leave(room),
      say: () => client.say(room, fields.text, fields),
      edit: () => client.edit(room, fields.target, fields.text),
      redact: () => client.redact(room, fields.target, fields.reason),
      react: () => client.react(room, fields.target, fields.emoji, fields),
      typing: () => client.typing(room),
      direct: () => client.direct(fields.user, fields.text, fields),
      block: () => client.block(fields.user, fields.blocked),
      markRead: () => client.markRead(room, fields.seq),
      listRooms: () => client.listRooms(fields),
      history: () => client.history(room, fields),
      who: () => client.who(room),
    };
    const result = commands[command]();
    result?.then(
      (value) => this.results.set(name, value),
      ({ code }) => this.results.set(name, code),
    );
  }
}

class Failed extends Error {}

function expect(condition, text) {
  if (!condition) throw new Failed(text);
}

/** Compares one client with one recorded conversation. */
class Conversation {
  #recorded;
  #driver;
  #variables = new Map();

  constructor(recorded, driver) {
    this.#recorded = recorded;
    this.#driver = driver;
  }

  async run() {
    for (const [index, step] of this.#recorded.steps.entries()) {
      try {
        await this.#step(step);
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        throw new Failed(`step ${index + 1}, ${JSON.stringify(step)}: ${error.message}`);
      }
    }
    this.#nothingLeft();
    this.#driver.client.close();
    await this.#driver.clock.advance(STEP);
    expect(this.#driver.clock.timers.size === 0, "timers are left");
  }

  async #step(step) {
    const [kind] = Object.keys(step);
    if (["do", "opened", "refuse", "receive", "lost", "wait"].includes(kind)) this.#nothingLeft();
    expect(kind in this.#kinds, `unknown step ${kind}`);
    await this.#kinds[kind](step);
  }

  #nothingLeft() {
    const { sent } = this.#driver;
    const events = this.#driver.events.splice(0).filter((event) => !this.#ignores(event));
    expect(sent.length === 0, `was sent, but not expected: ${JSON.stringify(sent)}`);
    expect(events.length === 0, `was reported, but not expected: ${JSON.stringify(events)}`);
  }

  #ignores({ type }) {
    return (this.#recorded.ignore ?? []).includes(type);
  }

  #kinds = {
    do: async ({ do: command, as: name = "", ...fields }) => {
      const { text } = fields;
      if (typeof text === "object") fields.text = text.repeat.repeat(text.times);
      this.#driver.do(name, command, fields);
      await this.#driver.clock.advance(0);
    },
    opened: async () => {
      expect(this.#driver.attempts.length === 1, `${this.#driver.attempts.length} attempts`);
      this.#driver.opened();
      await this.#driver.clock.advance(0);
    },
    refuse: async ({ refuse }) => {
      this.#driver.refusing = true;
      await this.#driver.clock.advance(refuse);
      this.#driver.refusing = false;
    },
    receive: async ({ receive }) => {
      expect(this.#driver.open, "there is no connection");
      this.#driver.receive(this.#filled(receive));
      await this.#driver.clock.advance(0);
    },
    lost: async ({ lost }) => {
      expect(this.#driver.open, "there is no connection");
      this.#driver.lose(lost);
      await this.#driver.clock.advance(0);
    },
    wait: ({ wait }) => this.#driver.clock.advance(wait),
    connect: async ({ connect: [earliest, latest] }) => {
      let passed = 0;
      for (; this.#driver.attempts.length === 0 && passed < latest + STEP; passed += STEP)
        await this.#driver.clock.advance(STEP);
      expect(this.#driver.attempts.length === 1, `no attempt after ${passed.toFixed(2)} s`);
      expect(passed > earliest - STEP, `an attempt after ${passed.toFixed(2)} s`);
    },
    send: async ({ send }) => {
      expect(this.#driver.sent.length > 0, "nothing was sent");
      this.#match(send, this.#driver.sent.shift());
    },
    event: async ({ event }) => {
      const { events } = this.#driver;
      while (events.length > 0 && this.#ignores(events[0])) events.shift();
      expect(events.length > 0, "nothing was reported");
      this.#match(event, events.shift());
    },
    result: async ({ result, error, is }) => {
      expect(this.#driver.results.has(result), "there is no result");
      const found = this.#driver.results.get(result);
      if (error !== undefined) expect(error.includes(found), `is ${JSON.stringify(found)}`);
      else this.#match(is, found);
    },
    pending: async ({ pending }) => {
      const found = this.#driver.results.get(pending);
      expect(found === undefined, `the result is ${JSON.stringify(found)}`);
    },
    closed: async () => expect(!this.#driver.open, "the connection is open"),
  };

  /** Return an object with the values of its variables. A variable without a value is left out. */
  #filled(value) {
    if (Array.isArray(value)) return value.map((each) => this.#filled(each));
    if (value !== null && typeof value === "object")
      return Object.fromEntries(
        Object.entries(value)
          .map(([name, each]) => [name, this.#filled(each)])
          .filter(([, each]) => each !== undefined),
      );
    return typeof value === "string" && value.startsWith("$") ? this.#variables.get(value) : value;
  }

  #match(expected, found) {
    if (typeof expected === "string" && expected.startsWith("$")) {
      if (!this.#variables.has(expected)) this.#variables.set(expected, found);
      expected = this.#variables.get(expected);
    }
    if (Array.isArray(expected) && Array.isArray(found)) {
      const same = expected.length === found.length;
      expect(same, `${JSON.stringify(found)} does not match ${JSON.stringify(expected)}`);
      expected.forEach((each, index) => this.#match(each, found[index]));
    } else if (expected !== null && typeof expected === "object") {
      expect(found !== null && typeof found === "object", `${found} is not an object`);
      for (const [name, value] of Object.entries(expected)) this.#match(value, found[name]);
    } else {
      const same = (expected ?? null) === (found ?? null);
      expect(same, `${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
    }
  }
}

let succeeded = 0;
for (const path of process.argv.slice(2)) {
  for (const recorded of JSON.parse(readFileSync(path, "utf8")).conversations) {
    if (recorded.skip?.js !== undefined) continue;
    try {
      for (const random of [0, 0.5, 0.999])
        await new Conversation(recorded, new Driver(recorded.options ?? {}, random)).run();
      succeeded += 1;
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      console.log(`${recorded.title}: ${error.message}`);
      process.exitCode = 1;
    }
  }
}
console.log(`${succeeded} conversations succeeded`);
