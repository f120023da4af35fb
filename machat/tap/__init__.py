"""
C{twistd machat}: the tree of services it runs. The only package that may let the global reactor in.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService

from machat.monitor import Monitor
from machat.service import ChatService
from machat.tap.options import Options as Options
from machat.tap.options import globalReactor, raiseDescriptors
from machat.tap.serving import Listener, Server, Signals
from machat.tcp import ChatFactory
from machat.ws import ChatWebSocketFactory


def makeService(options: Options) -> IService:
    """
    Build the services: a chat with its endpoints as children, or with C{--separate} two of them.
    """
    reactor: Any = globalReactor()
    parent: dict[str, Any] = options.parent or {}
    daemonized = not parent.get("nodaemon", True)
    raiseDescriptors()
    chats = [
        ChatService(reactor, options["limits"], portal=options["portal"])
        for _ in range(1 + options["separate"])
    ]
    monitor = None
    if options["monitor"] is not None:
        monitor = Monitor(reactor, chats)
        site = Listener("monitor", options["monitor"], monitor.site, daemonized)
        site.setServiceParent(monitor)
    server = Server(reactor, chats, monitor, options["shutdown-timeout"])
    browsers = not options["no-page"], options["origins"], options["trust-proxy"]
    for chat, option, factory in (
        (chats[0], "tcp", ChatFactory(chats[0])),
        (chats[-1], "ws", ChatWebSocketFactory(chats[-1], *browsers)),
    ):
        for endpoint in options[option]:
            listener = Listener(option, endpoint, factory, daemonized)
            listener.setServiceParent(chat)
            server.reloads.append(listener.reload)
    Signals(reactor, server.reload).setServiceParent(server)
    return server
