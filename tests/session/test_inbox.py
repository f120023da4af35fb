"""
Tests for L{machat.session.inbox}: the sending rate, on both transports and in both dialects.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from machat.hooks import Hooks
from machat.interfaces import IChatMember
from machat.limits import UNLIMITED, Limits
from machat.testing import MemoryChat, MemoryClient

Connect = Callable[[MemoryChat], MemoryClient]
DOORS: tuple[Connect, ...] = (
    lambda chat: chat.tcp("Mina", "dev"),
    lambda chat: chat.ws("Mina", "dev"),
)


def texts(chat: MemoryChat, client: MemoryClient) -> list[str]:
    """
    @return: the client's own messages that it has received since the last call
    """
    chat.turn()
    return [line.removeprefix("Mina:") for line in client.received()]


def cost(number: int, unit: int) -> int:
    """
    @return: the tokens for a line that contains this number
    """
    return -(-len(str(number)) // unit)


class RateTests(SynchronousTestCase):
    """
    The server does not read from a client that exceeds its rate until it has tokens again.
    """

    def test_paste(self) -> None:
        """
        Of thirty lines, the first twenty are posted at once and the others at five per second,
        while reading is paused. No line is lost, refused or reordered.
        """
        for connect in DOORS:
            chat = MemoryChat()
            mina = connect(chat)
            mina.send("\n".join(map(str, range(30))))
            self.assertEqual(texts(chat, mina), list(map(str, range(20))))
            self.assertEqual(mina.transport.producerState, "paused")
            chat.clock.pump([0.21] * 5)
            self.assertEqual(texts(chat, mina), list(map(str, range(20, 25))))
            chat.clock.pump([0.21] * 5)
            self.assertEqual(texts(chat, mina), list(map(str, range(25, 30))))
            self.assertEqual(mina.transport.producerState, "producing")
            self.assertEqual(chat.service.metrics.refusals, {})

    def test_steady(self) -> None:
        """
        A client within its rate never waits.
        """
        chat = MemoryChat()
        mina = chat.tcp("Mina", "dev")
        for number in range(100):
            mina.send(str(number))
            self.assertEqual(texts(chat, mina), [str(number)])
            chat.clock.advance(0.2)
        self.assertEqual(chat.service.metrics.throttles, 0)

    def test_others(self) -> None:
        """
        Other clients are not affected.
        """
        chat = MemoryChat()
        flood, mina = chat.tcp("flood", "dev"), chat.tcp("Mina", "dev")
        flood.send("\n" * 60_000)
        mina.send("hello")
        chat.turn()
        self.assertEqual(mina.received(), ["flood:"] * 20 + ["Mina:hello"])

    def test_events(self) -> None:
        """
        Every command counts, whatever its result, and C{welcome} contains the rate.
        """
        chat = MemoryChat(Limits(rate=2, burst=3))
        mina = chat.tcp()
        mina.send('{"v": 1, "name": "Mina", "room": "dev"}')
        welcome = json.loads(mina.received()[0])
        self.assertEqual((welcome["limits"]["rate"], welcome["limits"]["burst"]), (2, 3))
        for id in range(6):
            mina.send(json.dumps({"type": "ping", "id": str(id)}))
        self.assertEqual(len(mina.received()), 3)
        chat.clock.advance(0.5)
        self.assertEqual(len(mina.received()), 1)
        chat.clock.pump([0.5, 0.5])
        self.assertEqual(len(mina.received()), 2)

    def test_ping(self) -> None:
        """
        A throttled connection is not closed as dead, and neither is one whose pong has not been
        read yet.
        """
        for connect in DOORS:
            chat = MemoryChat(Limits(rate=0.05, burst=1))
            mina = connect(chat)
            mina.send("a\nb\nc\nd")
            for _ in range(61):
                chat.clock.advance(1)
            self.assertTrue(mina.connected)
            self.assertEqual(mina.transport.producerState, "producing")

    def test_gone(self) -> None:
        """
        A throttled client that disconnects leaves nothing.
        """
        for connect in DOORS:
            chat = MemoryChat()
            mina = connect(chat)
            mina.send("\n" * 100)
            mina.close()
            chat.turn()
            self.assertEqual(chat.clock.getDelayedCalls(), [])

    def test_heldAndThrottled(self) -> None:
        """
        A line that waits for an answer and a line that waits for tokens keep their order, and each
        counts once.
        """
        answers: list[Deferred[str]] = []

        class Slow(Hooks):
            def authorizeSay(self, member: IChatMember, room: str, text: str) -> Deferred[str]:
                answers.append(Deferred())
                return answers[-1]

        chat = MemoryChat(Limits(rate=1, burst=3), hooks=Slow())
        mina = chat.tcp("Mina", "dev")
        mina.send("\n".join("abcde"))
        for text in "abc":
            self.assertEqual(len(answers), 1)
            answers.pop().callback(text)
        self.assertEqual(answers, [], "two more than the rate allows")
        self.assertEqual(texts(chat, mina), ["a", "b", "c"])
        for text in "de":
            chat.clock.advance(1)
            answers.pop().callback(text)
        self.assertEqual(texts(chat, mina), ["d", "e"])
        self.assertEqual(mina.transport.producerState, "producing")

    def test_size(self) -> None:
        """
        A line costs one token per 4 KiB or part of it: of three lines of 64 KiB the first is
        posted at once, and each of the others when its sixteen tokens are available.
        """
        for connect in DOORS:
            chat = MemoryChat()
            mina = connect(chat)
            for letter in "abc":
                mina.send(letter * 65_536)
            for letter, before in (("a", 0), ("b", 2.3), ("c", 3.1)):
                chat.clock.advance(before)
                self.assertTrue(letter == "a" or not texts(chat, mina))
                chat.clock.advance(0.1)
                self.assertTrue(texts(chat, mina) == [letter * 65_536], letter)
            self.assertEqual(mina.transport.producerState, "producing")

    def test_sizeOff(self) -> None:
        """
        With the rate, or its size, C{off}, long lines count as any other line.
        """
        for limits in (
            Limits(rate=inf),
            Limits(rateBytes=UNLIMITED, roomRate=inf, addressRate=inf),
        ):
            chat = MemoryChat(limits)
            mina = chat.tcp("Mina", "dev")
            for _ in range(20):
                mina.send("x" * 65_536)
            self.assertEqual(len(texts(chat, mina)), 20)

    def test_credit(self) -> None:
        """
        A line that costs more than a full bucket is accepted on credit when the bucket is full.
        """
        chat = MemoryChat(Limits(rate=1, burst=2))
        mina = chat.tcp("Mina", "dev")
        mina.send("a" * 20_000)
        mina.send("b")
        self.assertTrue(texts(chat, mina) == ["a" * 20_000])
        chat.clock.advance(3.9)
        self.assertEqual(texts(chat, mina), [])
        chat.clock.advance(0.1)
        self.assertEqual(texts(chat, mina), ["b"])

    def test_partial(self) -> None:
        """
        A client that sends single bytes is read from 160 times at once and then 40 times per
        second, before and after its hello; the bytes that arrive in between are read together.
        """
        for hello in ("", '{"name": "Mina", "room": "dev"}'):
            chat = MemoryChat()
            mina = chat.tcp()
            if hello:
                mina.send(hello)
            for _ in range(153):
                self.assertEqual(mina.transport.producerState, "producing")
                mina.sendBytes(b" ")
            self.assertEqual(mina.transport.producerState, "paused")
            chat.clock.advance(0.2)
            self.assertEqual(mina.transport.producerState, "producing")
            mina.close()

    def test_log(self) -> None:
        """
        The log reports once per connection that it exceeds its rate, however often that happens.
        """
        chat = MemoryChat()
        mina = chat.tcp("Mina", "dev")
        observed: list[Any] = []
        globalLogPublisher.addObserver(cast(ILogObserver, observed.append))
        self.addCleanup(globalLogPublisher.removeObserver, cast(ILogObserver, observed.append))
        mina.send("\n" * 60)
        chat.clock.pump([1] * 10)
        self.assertGreater(chat.service.metrics.throttles, 2)
        lines = [formatEvent(event) for event in observed]
        self.assertEqual(lines, ["Mina from 192.0.2.1:50000 exceeds its sending rate (see --rate)"])

    @given(
        steps=st.lists(st.one_of(st.integers(1, 30), st.floats(0.01, 3)), min_size=1, max_size=30),
        rate=st.floats(0.1, 50),
        burst=st.integers(1, 25),
        unit=st.integers(1, 3),
        frames=st.booleans(),
    )
    @settings(deadline=None, max_examples=100)
    def test_anyRate(
        self, steps: list[int | float], rate: float, burst: int, unit: int, frames: bool
    ) -> None:
        """
        Whenever lines arrive, no more of them are posted than the rate allows, none is lost, and
        their order is kept. Only a line that costs more than a full bucket is accepted on credit.
        """
        limits = Limits(rate=rate, burst=burst, rateBytes=unit, ping=10_000, pong=1)
        chat = MemoryChat(limits)
        mina = DOORS[frames](chat)
        unread: list[str] = []
        sent, said = 0, 0
        for step in steps:
            if isinstance(step, int):
                unread += [str(number) for number in range(sent, sent + step)]
                sent += step
            else:
                chat.clock.advance(step)
            if unread and mina.transport.producerState == "producing":
                mina.send("\n".join(unread))
                unread = []
            heard = texts(chat, mina)
            self.assertEqual(heard, [str(number) for number in range(said, said + len(heard))])
            said += len(heard)
            spent = sum([cost(number, unit) for number in range(said)])
            most = max(burst, *[cost(number, unit) for number in range(said + 1)])
            self.assertLessEqual(spent, most + rate * chat.clock.seconds() + 0.01)
        chat.clock.pump([1 / rate] * (2 * sum([cost(n, unit) for n in range(sent)]) + 2))
        self.assertEqual(len(texts(chat, mina)), sent - len(unread) - said)
