"""
Tests for L{machat.inbox}: the sending rate, on both transports and in both dialects.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from machat.hooks import Hooks
from machat.interfaces import IChatMember
from machat.limits import Limits
from machat.testing import MemoryChat, MemoryClient

Connect = Callable[[MemoryChat], MemoryClient]
DOORS: tuple[Connect, ...] = (
    lambda chat: chat.tcp("Mina", "dev"),
    lambda chat: chat.ws("Mina", "dev"),
)


def texts(chat: MemoryChat, client: MemoryClient) -> list[str]:
    """
    @return: what the client has heard of itself since the last call
    """
    chat.turn()
    return [line.removeprefix("Mina:") for line in client.received()]


class RateTests(SynchronousTestCase):
    """
    Over its rate a client is not read from until it is due.
    """

    def test_paste(self) -> None:
        """
        Of thirty lines the first twenty are said at once, the others five a second; meanwhile
        nothing is read. None is lost, refused or out of order.
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
        Who keeps to the rate is never made to wait.
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
        Nobody else notices.
        """
        chat = MemoryChat()
        flood, mina = chat.tcp("flood", "dev"), chat.tcp("Mina", "dev")
        flood.send("\n" * 60_000)
        mina.send("hello")
        chat.turn()
        self.assertEqual(mina.received(), ["flood:"] * 20 + ["Mina:hello"])

    def test_events(self) -> None:
        """
        Commands count alike, whatever becomes of them; the welcome tells the rate.
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
        A throttled connection is not taken for a dead one, nor is one whose answer lies unread.
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
        A throttled client that goes leaves nothing behind.
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
        A line that waits for an answer and one that waits for its time keep their order, and each
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

    @given(
        steps=st.lists(st.one_of(st.integers(1, 30), st.floats(0.01, 3)), min_size=1, max_size=30),
        rate=st.floats(0.1, 50),
        burst=st.integers(1, 25),
        frames=st.booleans(),
    )
    @settings(deadline=None, max_examples=100)
    def test_anyRate(self, steps: list[int | float], rate: float, burst: int, frames: bool) -> None:
        """
        Whenever lines come, no more of them are said than the rate allows, none is lost, and they
        keep their order.
        """
        chat = MemoryChat(Limits(rate=rate, burst=burst, ping=10_000, pong=1))
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
            self.assertLessEqual(said, burst + rate * chat.clock.seconds() + 0.01)
        chat.clock.pump([1 / rate] * (2 * sent + 2))
        self.assertEqual(len(texts(chat, mina)), sent - len(unread) - said)
