"""
The clients of L{tools.faults}, which remember what they receive.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.client import ChatClient, Gap
from machat.events import Event, Message, Moved, Receipt

#: The room of all clients.
ROOM = "dev"


@implementer(IStreamClientEndpoint)
class AnyServer:
    """
    Connects to the servers in turn.
    """

    def __init__(self, reactor: Any, ports: list[int], first: int) -> None:
        """
        @param first: the index of the server to begin with
        """
        self._endpoints = [TCP4ClientEndpoint(reactor, "127.0.0.1", port, 2) for port in ports]
        self._next = first

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        See C{IStreamClientEndpoint.connect}.
        """
        endpoint = self._endpoints[self._next % len(self._endpoints)]
        self._next += 1
        return endpoint.connect(protocolFactory)


class Seen(NamedTuple):
    """
    A message.

    @ivar seq: its number; 0: a report that messages were missed or lost
    """

    at: float
    seq: int
    text: str


class Talker:
    """
    A client that sends numbered messages.

    @ivar name: its name
    @ivar seen: the messages and the reports of a loss, in the order of arrival
    @ivar acknowledged: the messages that it has sent, when they were acknowledged
    @ivar refused: the texts that were refused
    @ivar lastAck: the time of the last acknowledgement
    """

    def __init__(self, reactor: Any, name: str, endpoint: AnyServer) -> None:
        self._reactor = reactor
        self._count = 0
        self.name = name
        self.seen: list[Seen] = []
        self.acknowledged: list[Seen] = []
        self.refused: set[str] = set()
        self.lastAck = 0.0
        self.client = ChatClient(reactor, endpoint, name, self._listen, presence=False)
        self.joined = self.client.join(ROOM)

    def _listen(self, event: Event) -> None:
        now = self._reactor.seconds()
        if isinstance(event, Message):
            self.seen.append(Seen(now, event.seq, event.text))
        elif isinstance(event, Gap) or (isinstance(event, Moved) and event.lost):
            self.seen.append(Seen(now, 0, repr(event)))

    @property
    def top(self) -> int:
        """
        The number of the last message that it has received.
        """
        return next((each.seq for each in reversed(self.seen) if each.seq), 0)

    def say(self) -> None:
        """
        Send the next message.
        """
        self._count += 1
        text = f"{self.name} {self._count}"
        sending = self.client.say(ROOM, text)
        sending.addCallbacks(self._acknowledged, lambda _: self.refused.add(text), (text,))

    def _acknowledged(self, receipt: Receipt, text: str) -> None:
        self.lastAck = self._reactor.seconds()
        self.acknowledged.append(Seen(self.lastAck, receipt.seq, text))


class Guest(LineOnlyReceiver):
    """
    A client that does not reconnect.

    @ivar joined: fires when it has joined, or cannot
    @ivar code: the code with which the server has closed the connection; 0: it has not
    """

    delimiter = b"\n"
    transport: Any

    def __init__(self, name: str) -> None:
        self.name = name
        self.joined: Deferred[bool] = Deferred()
        self.code = 0

    def connectionMade(self) -> None:
        self.sendLine(json.dumps({"v": 1, "name": self.name, "room": ROOM}).encode())

    def lineReceived(self, line: bytes) -> None:
        event = json.loads(line)
        if event["type"] == "bye":
            self.code = event["code"]
        if event["type"] in ("joined", "error", "bye") and not self.joined.called:
            self.joined.callback(event["type"] == "joined")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.joined.called:
            self.joined.callback(False)

    def leave(self) -> None:
        """
        Abort the connection.
        """
        self.transport.abortConnection()


async def visit(reactor: Any, port: int, name: str) -> Guest | None:
    """
    @param port: the port of the server
    @return: a guest that has joined; C{None}: it could not
    """
    make: Callable[[], Guest] = lambda: Guest(name)  # noqa: E731
    factory: Factory[Guest] = Factory.forProtocol(make)
    factory.noisy = False
    try:
        guest: Any = await TCP4ClientEndpoint(reactor, "127.0.0.1", port, 2).connect(factory)
        joined = await guest.joined.addTimeout(5, reactor)
    except Exception:
        return None
    if not joined:
        guest.leave()
        return None
    found: Guest = guest
    return found
