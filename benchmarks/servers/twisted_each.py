"""
A simple chat server on Twisted, with one write per message and member. It speaks MaChat's text
dialect: C{python twisted_each.py PORT tcp|ws|tls [KEY CERTIFICATE]}.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

rooms: dict[str, set[Any]] = defaultdict(set)


class Lines(LineReceiver):
    """
    A member on TCP.
    """

    transport: Any
    delimiter = b"\n"
    name: bytes | None = None

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def lineReceived(self, line: bytes) -> None:
        if self.name is None:
            hello = json.loads(line)
            self.name = hello["name"].encode()
            self.members = rooms[hello["room"]]
            self.members.add(self)
            return
        message = self.name + b":" + line
        for member in self.members:
            member.sendLine(message)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.name is not None:
            self.members.discard(self)


class Frames(WebSocketServerProtocol):
    """
    A member on WebSocket.
    """

    name: bytes | None = None

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.name is None:
            hello = json.loads(payload)
            self.name = hello["name"].encode()
            self.members = rooms[hello["room"]]
            self.members.add(self)
            return
        message = self.name + b":" + payload + b"\n"
        for member in self.members:
            member.sendMessage(message)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if self.name is not None:
            self.members.discard(self)


def main(port: str, transport: str, *certificate: str) -> None:
    """
    Serve until the process is stopped.
    """
    endpoint = f"tcp:{port}:interface=127.0.0.1:backlog=4096"
    factory = Factory.forProtocol(Lines)
    if transport == "ws":
        factory = WebSocketServerFactory()
        factory.protocol = Frames
        factory.setProtocolOptions(tcpNoDelay=True)
    elif transport == "tls":
        key, chain = certificate
        endpoint = f"ssl:{port}:interface=127.0.0.1:backlog=4096:privateKey={key}:certKey={chain}"
    serverFromString(reactor, endpoint).listen(factory)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
