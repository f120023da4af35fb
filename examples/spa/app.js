// A single-page application with a view for each room.

import { enter, logIn } from "./chat.js";

const main = document.querySelector("main");
const status = document.getElementById("state");
const url = document.querySelector("meta[name=chat]").content;

const client = logIn(url, { name: "Mina" });
client.addEventListener("state", ({ detail }) => {
  status.textContent = detail.error?.message ?? detail.state;
});

/** The rooms with messages that no view has shown. */
const unread = new Set();
client.addEventListener("message", ({ detail }) => {
  if (!location.hash.endsWith(`/${detail.room}`)) unread.add(detail.room);
  showUnread();
});

function showUnread() {
  document.getElementById("unread").textContent = [...unread].join(", ");
}

/** Ends the current view. */
let leaving = new AbortController();

async function showRoom(room, signal) {
  const list = document.createElement("ul");
  const field = document.createElement("input");
  field.setAttribute("aria-label", `Message to ${room}`);
  main.replaceChildren(list, field);
  unread.delete(room);
  showUnread();
  const show = ({ from, text }) => {
    const item = document.createElement("li");
    item.textContent = `${from}: ${text}`;
    list.append(item);
  };
  try {
    const say = await enter(room, show, signal);
    field.addEventListener("change", () => {
      say(field.value).catch((error) => (status.textContent = error.message));
      field.value = "";
    });
  } catch (error) {
    if (!signal.aborted) status.textContent = error.message;
  }
}

function route() {
  leaving.abort();
  leaving = new AbortController();
  const room = /^#\/rooms\/(.+)$/.exec(location.hash);
  if (room === null) main.textContent = "Welcome.";
  else showRoom(decodeURIComponent(room[1]), leaving.signal);
}

addEventListener("hashchange", route);
route();
