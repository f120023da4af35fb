"""
Test the recovery of many clients over a proxy that randomly cuts, delays and splits connections::

    python -m tools.chaos --clients 50 --rooms 20 --messages 20000 --reconnects 1000 --seed 1

The program prints a summary. It exits with status 1 if a client missed a message, received one
twice or in a different order from the others in its room, or if an acknowledged message does not
have the stored number that its acknowledgement states.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from math import inf
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall, deferLater, react
from twisted.python.failure import Failure

from machat.client import ChatClient, Connected, Gap
from machat.events import Event, Message, Receipt
from machat.limits import Limits
from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.ws import ChatWebSocketFactory

#: Maximum number of checks, five per second, before a missing message counts as lost.
SETTLING = 200


class Half(Protocol):
    """
    One side of a connection through the proxy. It forwards the bytes that it reads to the other
    side in order, in pieces, some of them delayed.
    """

    transport: Any
    other: Half | None = None

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._early: list[bytes] = []
        self._late: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self._late += self._proxy.split(data)
        if len(self._late) == 1 or not self._proxy.delays(self._forward):
            self._forward()

    def _forward(self) -> None:
        late, self._late = self._late, []
        for piece in late:
            if self.other is None or self.other.transport is None:
                self._early.append(piece)
            else:
                self.other.transport.write(piece)

    def meet(self, other: Half) -> None:
        """
        Connect this side to the other side, and forward the bytes that were read before.
        """
        self.other, other.other = other, self
        early, self._early = self._early, []
        for piece in early:
            other.transport.write(piece)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._proxy.pairs.pop(self, None)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.abortConnection()


class Proxy(Factory):
    """
    A proxy for one endpoint.

    @ivar pairs: the client's sides of the connections, in a dict that serves as an ordered set
    """

    noisy = False

    def __init__(self, reactor: Any, port: int, random: Random) -> None:
        self._reactor = reactor
        self._target = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        self._random = random
        self.pairs: dict[Half, None] = {}

    def buildProtocol(self, addr: object) -> Half:
        near = Half(self)
        self.pairs[near] = None
        far = Half(self)
        connected = self._target.connect(Factory.forProtocol(lambda: far))
        connected.addCallbacks(
            lambda _: self._met(near, far), lambda _: near.transport.abortConnection()
        )
        return near

    def _met(self, near: Half, far: Half) -> None:
        if near in self.pairs:
            near.meet(far)
        else:
            far.transport.abortConnection()

    def split(self, data: bytes) -> list[bytes]:
        """
        @return: the bytes, in one or two pieces
        """
        if self._random.random() < 0.5 or len(data) < 2:
            return [data]
        place = self._random.randrange(1, len(data))
        return [data[:place], data[place:]]

    def delays(self, forward: Any) -> bool:
        """
        Schedule C{forward} with a short delay, in one of ten cases at random.

        @return: whether it is scheduled
        """
        if self._random.random() < 0.9:
            return False
        self._reactor.callLater(self._random.random() * 0.02, forward)
        return True

    def cut(self) -> bool:
        """
        Abort a random connection.

        @return: whether there was a connection to abort
        """
        if not self.pairs:
            return False
        self._random.choice(list(self.pairs)).transport.abortConnection()
        return True


class Person:
    """
    A client, and the messages that it has received.

    @ivar heard: for each room, the numbers and texts of the messages in the order of arrival
    @ivar receipts: for each room, the acknowledged texts by number
    """

    def __init__(self, reactor: Any, address: str, name: str, rooms: list[str]) -> None:
        self.rooms = rooms
        self.heard: dict[str, list[tuple[int, str]]] = {room: [] for room in rooms}
        self.receipts: dict[str, dict[int, str]] = {room: {} for room in rooms}
        self.counts: Counter[str] = Counter()
        self.client = ChatClient(reactor, address, name, self.listen, presence=False)
        self.joined = DeferredList([self.client.join(room) for room in rooms])
        self.said: list[Deferred[None]] = []

    def listen(self, event: Event) -> None:
        if isinstance(event, Message):
            self.heard[event.room].append((event.seq, event.text))
            self.counts["replayed"] += event.replay
        elif isinstance(event, Connected):
            self.counts["connected"] += 1
        elif isinstance(event, Gap):
            self.counts["gaps"] += 1

    def say(self, room: str, text: str) -> None:
        """
        Send a message, and record its number when it is acknowledged.
        """

        def acknowledged(receipt: Receipt) -> None:
            self.receipts[room][receipt.seq] = text
            self.counts["duplicates"] += receipt.duplicate

        self.said.append(self.client.say(room, text).addCallback(acknowledged))


class Storm:
    """
    One run of the test.
    """

    def __init__(self, reactor: Any, options: Namespace) -> None:
        self._reactor = reactor
        self._options = options
        self._random = Random(options.seed)
        self._limits = Limits(rate=inf, logMessages=100_000, logBytes=1 << 30, maxHistory=100_000)
        self._chat = ChatService(reactor, self._limits)
        self._proxies: list[Proxy] = []
        self._ports: list[Any] = []
        self._people: list[Person] = []
        self.cuts = 0

    @property
    def reconnects(self) -> int:
        """
        The number of reconnects of all clients.
        """
        return sum(person.counts["connected"] - 1 for person in self._people)

    async def run(self) -> list[str]:
        """
        @return: the problems, one line each
        """
        self._chat.startService()
        addresses = [
            await self._serve(ChatFactory(self._chat), "127.0.0.1:{}"),
            await self._serve(ChatWebSocketFactory(self._chat), "ws://127.0.0.1:{}/mychat"),
        ]
        rooms = [f"room{number}" for number in range(self._options.rooms)]
        for number in range(self._options.clients):
            own = self._random.sample(rooms, min(3, len(rooms)))
            person = Person(self._reactor, addresses[number % 2], f"person{number}", own)
            self._people.append(person)
            person.client.startService()
        await DeferredList([person.joined for person in self._people])
        cutter = LoopingCall(self._cut)
        cutter.start(0.005, now=False)
        await self._talk()
        while self.reconnects < self._options.reconnects:
            await deferLater(self._reactor, 0.05)
        cutter.stop()
        for person in self._people:
            await DeferredList(person.said)
        for _ in range(SETTLING):  # until all clients have reconnected
            problems = await self._judge()
            if not problems:
                break
            await deferLater(self._reactor, 0.2)
        await self._stop()
        return problems

    async def _serve(self, factory: Any, address: str) -> str:
        server = await TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1").listen(factory)
        proxy = Proxy(self._reactor, server.getHost().port, self._random)
        front = await TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1").listen(proxy)
        self._proxies.append(proxy)
        self._ports += [server, front]
        return address.format(front.getHost().port)

    def _cut(self) -> None:
        if self.reconnects < self._options.reconnects:
            self.cuts += self._random.choice(self._proxies).cut()

    async def _talk(self) -> None:
        for number in range(self._options.messages):
            person = self._random.choice(self._people)
            person.say(self._random.choice(person.rooms), f"message {number}")
            if number % 20 == 0:
                await deferLater(self._reactor, 0.005)

    async def _judge(self) -> list[str]:
        problems = []
        for room in {room for person in self._people for room in person.rooms}:
            here = [person for person in self._people if room in person.rooms]
            held = self._chat.rooms.hold(room)  # everybody may have left it
            stored = held.stored or await self._chat.rooms.open(held, None)
            kept = await stored.read(0, self._options.messages)
            self._chat.rooms.release(held)
            log = {message.seq: message.text for message in kept}
            for person in here:
                heard = person.heard[room]
                if [seq for seq, _ in heard] != list(range(1, len(log) + 1)):
                    problems.append(f"{person.client.nick} missed or repeated something in {room}")
                if any(log.get(seq) != text for seq, text in heard):
                    problems.append(f"{person.client.nick} received a wrong text in {room}")
                for seq, text in person.receipts[room].items():
                    if log.get(seq) != text:
                        problems.append(f"{text} was acknowledged as {room} {seq}, which differs")
            if len(set(log.values())) != len(log):
                problems.append(f"{room} contains a message twice")
        return problems

    async def _stop(self) -> None:
        await DeferredList([person.client.stopService() for person in self._people])
        for port in self._ports:
            await port.stopListening()
        await self._chat.stopService()

    def summary(self) -> str:
        """
        @return: a summary in one line
        """
        counts = sum((person.counts for person in self._people), Counter[str]())
        acknowledged = sum(len(a) for person in self._people for a in person.receipts.values())
        heard = sum(len(h) for person in self._people for h in person.heard.values())
        return (
            f"{len(self._people)} clients in {self._options.rooms} rooms, {self.cuts} connections"
            f" cut, {self.reconnects} reconnects; {acknowledged} messages"
            f" acknowledged, {counts['duplicates']} of them as duplicates; {heard} received,"
            f" {counts['replayed']} of them replayed, {counts['gaps']} gaps"
        )


def parse(arguments: list[str]) -> Namespace:
    """
    @return: the options
    """
    parser = ArgumentParser(prog="python -m tools.chaos")
    for name, default in (
        ("clients", 50),
        ("rooms", 20),
        ("messages", 20_000),
        ("reconnects", 1_000),
        ("seed", 1),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args(arguments)


async def main(reactor: Any, options: Namespace) -> None:
    """
    Run the test, and print the summary and the first 20 problems.
    """
    storm = Storm(reactor, options)
    problems = await storm.run()
    print(storm.summary())
    for problem in problems[:20]:
        print(problem)
    if problems:
        sys.exit(1)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, parse(sys.argv[1:]))))
