#!/usr/bin/env python3
"""
Chat from a terminal over TCP::

    python examples/tcp_client.py --client Mina --room dev --address localhost:8989
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from random import randrange
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import deferLater, react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure


class Chat(Protocol):
    """
    The connection. Prints everything that it receives.
    """

    def __init__(self, name: str, room: str) -> None:
        self._hello = json.dumps({"name": name, "room": room})
        self.ended: Deferred[str] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self._hello.encode() + b"\n")

    def dataReceived(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.ended.called:
            self.ended.callback("The server closed the connection.")


class Keyboard(LineOnlyReceiver):
    """
    Standard input. Sends each line as a message.
    """

    delimiter = b"\n"

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def lineReceived(self, line: bytes) -> None:
        self._chat.transport.write(line + b"\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._chat.ended.called:
            self._chat.ended.callback("End of input.")


def options() -> Namespace:
    parser = ArgumentParser(description="Chat over TCP.")
    parser.add_argument("--client", default=f"User{randrange(10_000)}", help="your name")
    parser.add_argument("--room", default="lounge", help="the room to join")
    parser.add_argument("--address", default="localhost:8989", help="the server, as host:port")
    return parser.parse_args()


async def main(reactor: Any, arguments: Namespace) -> None:
    host, _, port = arguments.address.rpartition(":")
    chat = Chat(arguments.client, arguments.room)
    try:
        await connectProtocol(HostnameEndpoint(reactor, host.strip("[]"), int(port)), chat)
    except Exception as error:
        raise SystemExit(f"Cannot connect to {arguments.address}: {error}") from None
    StandardIO(Keyboard(chat))
    why = await chat.ended
    if why == "End of input.":
        await deferLater(reactor, 0.5)  # time to receive the last lines
        chat.transport.loseConnection()
        await deferLater(reactor, 0)
    print(why, file=sys.stderr)


if __name__ == "__main__":
    arguments = options()
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, arguments)))
