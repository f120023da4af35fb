// A page of the site with a chat in it. The site's token endpoint states the name of the user.

const chat = new URL(document.querySelector("script[data-chat]").dataset.chat, location.href);
const { ChatError, Client } = await import(new URL("client.js", chat).href);

const status = document.getElementById("status");
const messages = document.getElementById("messages");

/** @returns {Promise<{name: string, token: string}>} */
async function requestToken() {
  const answer = await fetch("/chat-token", { cache: "no-store" });
  if (answer.status === 401) throw new ChatError("logged-out", "You are logged out.");
  if (!answer.ok) throw new Error(`The site answers ${answer.status}.`);
  return answer.json();
}

const { name } = await requestToken();
const address = new URL("mychat", chat);
address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
const client = new Client(address, { name, credentials: requestToken });
client.addEventListener("message", ({ detail }) => {
  const item = document.createElement("li");
  item.textContent = `${detail.from}: ${detail.text}`;
  messages.append(item);
});
client.addEventListener("state", ({ detail }) => {
  status.textContent = detail.error?.message ?? `${name}: ${detail.state}`;
});
document.getElementById("text").addEventListener("change", ({ target }) => {
  const { value } = target;
  client.say("team", value).catch((error) => (status.textContent = error.message));
  target.value = "";
});
client.open();
client.join("team", { history: 20 }).catch((error) => (status.textContent = error.message));
