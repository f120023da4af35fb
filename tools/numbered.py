"""
Clients that number their messages and record what they receive, for L{tools.kills}.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from machat.client import ChatClient, Gap
from machat.events import Event, Joined, Message, Receipt
from machat.sansio import backoff

#: The delays before a reconnect, seconds: short, so that the run does not wait for them.
backoff.RECONNECT, backoff.MAX_RECONNECT = 0.05, 0.4

#: The maximum number of unacknowledged messages of a client.
WINDOW = 20


class Person:
    """
    A client in the dialect C{events}, in one room.

    @ivar seen: the numbers and texts of the messages, in the order of arrival
    @ivar acknowledged: the numbers and texts of its own messages
    """

    def __init__(self, reactor: Any, address: str, name: str, room: str) -> None:
        self.name = name
        self.room = room
        self.seen: list[tuple[int, str]] = []
        self.acknowledged: list[tuple[int, str]] = []
        self.counts: Counter[str] = Counter()
        self.waiting = 0
        self._reactor = reactor
        self.client = ChatClient(reactor, address, name, self._listen, presence=False)
        self._begin()

    @property
    def ready(self) -> bool:
        """
        Whether the room is joined.
        """
        return self.client.joined(self.room)

    def _begin(self) -> None:
        """
        Join the room, again and again until the first join has succeeded.
        """
        joining = self.client.join(self.room, history=300)
        joining.addErrback(lambda _: self._reactor.callLater(0.1, self._begin))

    def _listen(self, event: Event) -> None:
        match event:
            case Message():
                self.seen.append((event.seq, event.text))
            case Joined(recovered=bool()):
                last = self.seen[-1][0] if self.seen else 0
                self.counts["joins"] += 1
                self.counts["recovered"] += event.seq - last
                self.counts["not recovered"] += not event.recovered
                self.counts["missed"] += event.missed != event.seq - last
            case Gap():
                self.counts["missed"] += 1

    def say(self) -> None:
        """
        Send the next message.
        """
        if self.waiting >= WINDOW or not self.client.running:
            return
        self.counts["sent"] += 1
        self.waiting += 1
        text = f"{self.name} {self.counts['sent']}"

        def acknowledged(receipt: Receipt) -> None:
            self.acknowledged.append((receipt.seq, text))
            self.counts["resent"] += receipt.duplicate

        def settled(result: Any) -> None:
            self.waiting -= 1
            if isinstance(result, Failure):
                self.counts["failed"] += 1

        self.client.say(self.room, text).addCallback(acknowledged).addBoth(settled)


class Lines(LineOnlyReceiver):
    """
    One connection of a L{Writer}.
    """

    delimiter = b"\n"
    transport: Any

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.seen: list[str] = []
        writer.runs.append(self.seen)

    def connectionMade(self) -> None:
        self._writer.lines = self
        hello = f'{{"name": "{self._writer.name}", "room": "{self._writer.room}"}}'
        self.sendLine(hello.encode())

    def lineReceived(self, line: bytes) -> None:
        sender, _, text = line.decode().partition(":")
        if sender != "machat":
            self.seen.append(text)
        elif text.startswith("error"):
            self._writer.counts["failed"] += 1

    def connectionLost(self, reason: Any = None) -> None:
        self._writer.lines = None
        self._writer.connect(0.1)


class Writer:
    """
    A client in the dialect C{text}, which neither recovers nor resends.

    @ivar runs: for each connection, the texts in the order of arrival
    """

    def __init__(self, reactor: Any, address: str, name: str, room: str) -> None:
        self.name = name
        self.room = room
        self.runs: list[list[str]] = []
        self.counts: Counter[str] = Counter()
        self.lines: Lines | None = None
        self._reactor = reactor
        self._endpoint = clientFromString(reactor, address)
        self._stopped = False
        self.connect(0)

    @property
    def ready(self) -> bool:
        """
        Whether there is a connection.
        """
        return self.lines is not None

    def connect(self, delay: float) -> None:
        """
        Connect after a delay, again and again.
        """
        if not self._stopped:
            self._reactor.callLater(delay, self._connect)

    def _connect(self) -> None:
        factory = Factory.forProtocol(lambda: Lines(self))
        factory.noisy = False
        self._endpoint.connect(factory).addErrback(lambda _: self.connect(0.1))

    def say(self) -> None:
        """
        Send the next message, if there is a connection.
        """
        if self.lines is not None:
            self.counts["sent"] += 1
            self.lines.sendLine(f"{self.name} {self.counts['sent']}".encode())

    def stop(self) -> None:
        """
        Disconnect.
        """
        self._stopped = True
        if self.lines is not None:
            self.lines.transport.abortConnection()
