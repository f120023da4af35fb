#!/usr/bin/env python3
"""
Chat from a terminal over WebSocket::

    python examples/websocket_client.py --client Mina --room dev --address ws://localhost:8099/mychat
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from random import randrange
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.stdio import StandardIO
from twisted.internet.task import deferLater, react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure


class Chat(WebSocketClientProtocol):
    """
    The connection. Prints everything that it receives.
    """

    def onOpen(self) -> None:
        self.sendMessage(self.factory.hello)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        sys.stdout.buffer.write(payload)
        sys.stdout.flush()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if not self.factory.ended.called:
            why = f"The server closed the connection: {code} {reason or ''}".rstrip()
            self.factory.ended.callback(f"{why}.")


class ChatFactory(WebSocketClientFactory):
    """
    Holds the hello that the client sends, and a C{Deferred} that fires at the end of the chat.
    """

    protocol = Chat
    noisy = False

    def __init__(self, reactor: Any, arguments: Namespace) -> None:
        WebSocketClientFactory.__init__(
            self, arguments.address, origin=arguments.origin, reactor=reactor
        )
        hello = {"name": arguments.client, "room": arguments.room}
        self.hello = json.dumps(hello).encode()
        self.ended: Deferred[str] = Deferred()


class Keyboard(LineOnlyReceiver):
    """
    Standard input. Sends each line as a message.
    """

    delimiter = b"\n"

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def lineReceived(self, line: bytes) -> None:
        if self._chat.state == Chat.STATE_OPEN:
            self._chat.sendMessage(line + b"\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._chat.factory.ended.called:
            self._chat.factory.ended.callback("End of input.")


def options() -> Namespace:
    parser = ArgumentParser(description="Chat over WebSocket.")
    parser.add_argument("--client", default=f"User{randrange(10_000)}", help="your name")
    parser.add_argument("--room", default="lounge", help="the room to join")
    parser.add_argument("--origin", help="the Origin header to send")
    parser.add_argument("--address", default="ws://localhost:8099/mychat", help="the server's URL")
    return parser.parse_args()


async def main(reactor: Any, arguments: Namespace) -> None:
    factory = ChatFactory(reactor, arguments)
    endpoint: Any = HostnameEndpoint(reactor, factory.host.encode(), factory.port)
    if factory.isSecure:
        endpoint = wrapClientTLS(optionsForClientTLS(factory.host), endpoint)
    try:
        chat = await endpoint.connect(factory)
        await chat.is_open
    except Exception as error:
        raise SystemExit(f"Cannot connect to {arguments.address}: {error}") from None
    StandardIO(Keyboard(chat))
    why = await factory.ended
    if why == "End of input.":
        await deferLater(reactor, 0.5)  # time to receive the last lines
        chat.sendClose(1000)
        await chat.is_closed
    print(why, file=sys.stderr)


if __name__ == "__main__":
    arguments = options()
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, arguments)))
