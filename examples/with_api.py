"""
A C{twisted.web} site that contains a chat with its HTTP API, all on one port::

    machat-apikey --file keys --label site --rights publish,read
    twistd -ny examples/with_api.py

Send a message with C{curl -H "X-API-Key: ..." -d '{"room": "lobby", "text": "hello"}'
http://localhost:8080/api/publish}.
"""

import os

from twisted.application import service, strports
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from machat.api import ApiResource, ApiService, KeyFile
from machat.service import ChatService
from machat.tcp import ChatFactory

application = service.Application("site")
chat = ChatService(reactor)
chat.setServiceParent(application)

keys = KeyFile(os.environ.get("MACHAT_KEYS", "keys"))
api = ApiResource(chat, keys)
ApiService(chat, api).setServiceParent(chat)

root = Resource()
root.putChild(b"", Data(b"<!doctype html><title>Our site</title>", "text/html"))
root.putChild(b"api", api)

strports.service("tcp:8080:interface=127.0.0.1", Site(root)).setServiceParent(chat)
strports.service("tcp:8989:interface=127.0.0.1", ChatFactory(chat)).setServiceParent(chat)
