"""
A C{twisted.web} site that contains a chat, all on one port::

    twistd -ny examples/with_web.py

Open http://localhost:8080/, the site's own page, in two windows. MaChat's page is at
http://localhost:8080/chat/. TCP clients, such as C{nc localhost 8989}, join the same rooms.
"""

from twisted.application import service, strports
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.ws import ChatWebSocketFactory
from machat.ws.resource import PageResource

PAGE = b"""<!doctype html>
<meta charset="utf-8">
<title>Our site</title>
<h1>Our site</h1>
<ul id="messages"></ul>
<input id="text" aria-label="Message">
<script type="module">
  import { Client } from "./chat/client.js";

  const name = `guest${Math.floor(Math.random() * 1e6)}`;
  const client = new Client(new URL("chat/mychat", location.href.replace(/^http/, "ws")), { name });
  client.addEventListener("message", ({ detail }) => {
    const item = document.createElement("li");
    item.textContent = `${detail.from}: ${detail.text}`;
    document.getElementById("messages").append(item);
  });
  client.open();
  client.join("lobby", { history: 20 });
  document.getElementById("text").addEventListener("change", ({ target }) => {
    client.say("lobby", target.value).catch((error) => alert(error.message));
    target.value = "";
  });
</script>
"""

application = service.Application("site")
chat = ChatService(reactor)
chat.setServiceParent(application)

root = Resource()
root.putChild(b"", Data(PAGE, "text/html; charset=utf-8"))
root.putChild(b"chat", PageResource(ChatWebSocketFactory(chat)))

strports.service("tcp:8080:interface=127.0.0.1", Site(root)).setServiceParent(chat)
strports.service("tcp:8989:interface=127.0.0.1", ChatFactory(chat)).setServiceParent(chat)
