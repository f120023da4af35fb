"""
Tests for L{machat.clock}, and for a chat whose clock is set or stops.
"""

from __future__ import annotations

import json
import time
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock, LoopingCall, deferLater
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import verify

from machat.clock import ChatClock, chatClock, useMonotonic
from machat.limits import Limits
from machat.testing import MemoryChat

HOUR = 3600


class Turns(Clock):
    """
    A clock that runs timers like a reactor: timers that are due, then input and output. Timers
    scheduled meanwhile wait for the next turn.
    """

    def turn(self, *arrived: Any) -> None:
        """
        Run one turn.

        @param arrived: called as the turn's input
        """
        due = [call for call in self.calls if call.getTime() <= self.seconds()]
        for call in due:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
        for read in arrived:
            read()


class ChatClockTests(SynchronousTestCase):
    """
    Tests for L{ChatClock} and its timers.
    """

    def setUp(self) -> None:
        self.system = Clock()
        self.system.advance(1_000_000)
        self.clock = ChatClock(self.system)
        self.calls: list[object] = []

    def set(self, seconds: float) -> None:
        """
        Set the system clock, forward or back.
        """
        self.system.rightNow += seconds

    def test_interfaces(self) -> None:
        """
        The clock and its timers provide Twisted's interfaces.
        """
        verify.verifyObject(IReactorTime, self.clock)
        verify.verifyObject(IDelayedCall, self.clock.callLater(1, list))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_once(self) -> None:
        """
        A clock is wrapped once.
        """
        self.assertIs(chatClock(self.clock), self.clock)
        self.assertIs(chatClock(self.system).reactor, self.system)

    def test_setBack(self) -> None:
        """
        Time never goes back, and continues from its last value.
        """
        began = self.clock.seconds()
        self.system.advance(5)
        self.set(-HOUR)
        self.assertEqual(self.clock.seconds() - began, 0)
        self.system.advance(5)
        self.assertEqual(self.clock.seconds() - began, 5)

    def test_now(self) -> None:
        """
        The time of day is that of a test's clock, of a function that is given, or by default of
        the system clock.
        """
        self.set(-HOUR)
        self.assertEqual(self.clock.now(), 1_000_000 - HOUR)
        self.assertEqual(ChatClock(self.system, lambda: 7.0).now(), 7.0)
        self.assertEqual(ChatClock(Turns()).now(), 0.0)
        began = time.time()
        self.assertLessEqual(began, ChatClock(Reactor()).now())

    def test_timer(self) -> None:
        """
        A timer is called once, with its arguments.
        """
        self.clock.callLater(2, lambda *args, **kw: self.calls.append((args, kw)), 1, b=2)
        self.system.advance(1.9)
        self.assertEqual(self.calls, [])
        self.system.advance(0.1)
        self.system.advance(10)
        self.assertEqual(self.calls, [((1,), {"b": 2})])

    def test_timersSetBack(self) -> None:
        """
        Pending timers keep their delays when the clock is set back, including those of this turn.
        """
        self.clock.callLater(10, self.calls.append, "ten")
        self.clock.callLater(0, self.calls.append, "turn")
        self.set(-HOUR)
        self.clock.seconds()
        self.system.advance(0)
        self.assertEqual(self.calls, ["turn"])
        self.system.advance(9.9)
        self.assertEqual(self.calls, ["turn"])
        self.system.advance(0.1)
        self.assertEqual(self.calls, ["turn", "ten"])

    def test_late(self) -> None:
        """
        Before a late timer is called, the reactor reads and writes once; a timer without a delay
        is called in the next turn.
        """
        turns = Turns()
        clock = ChatClock(turns)
        clock.callLater(10, self.calls.append, "timer")
        clock.callLater(0, self.calls.append, "turn")
        turns.turn()
        turns.rightNow += 11
        turns.turn(lambda: self.calls.append("read"))
        turns.turn()
        self.assertEqual(self.calls, ["turn", "read", "timer"])

    def test_cancelledByInput(self) -> None:
        """
        Data that is read in that turn may cancel or delay the timer.
        """
        turns = Turns()
        clock = ChatClock(turns)
        one = clock.callLater(10, self.calls.append, "cancelled")
        other = clock.callLater(10, self.calls.append, "reset")
        turns.rightNow += 11
        turns.turn(one.cancel, lambda: other.reset(5))
        turns.turn()
        turns.turn()
        self.assertEqual((self.calls, one.active(), other.active()), ([], False, True))
        turns.rightNow += 5
        turns.turn()
        turns.turn()
        self.assertEqual(self.calls, ["reset"])

    def test_delayedCall(self) -> None:
        """
        A timer can be queried, delayed and cancelled like Twisted's.
        """
        timer = self.clock.callLater(5, self.calls.append, 1)
        self.assertEqual(timer.getTime(), self.clock.seconds() + 5)
        timer.delay(5)
        self.assertEqual(timer.getTime(), self.clock.seconds() + 10)
        timer.reset(3)
        self.system.advance(2)
        timer.delay(-1)
        self.system.advance(0)
        self.assertEqual(self.calls, [1])
        self.assertFalse(timer.active())
        self.assertRaises(AlreadyCalled, timer.cancel)
        self.assertRaises(AlreadyCalled, timer.reset, 1)
        other = self.clock.callLater(5, self.calls.append, 2)
        other.cancel()
        self.assertRaises(AlreadyCancelled, other.cancel)
        self.assertEqual(self.system.getDelayedCalls(), [])
        self.assertEqual(self.clock.timers, {})

    def test_twisted(self) -> None:
        """
        Twisted's own timers run on the clock.
        """
        deferLater(self.clock, 1, self.calls.append, "later")
        loop = LoopingCall(self.calls.append, "loop")
        loop.clock = self.clock
        loop.start(2)
        self.system.pump([1] * 5)
        loop.stop()
        self.assertEqual(self.calls, ["loop", "later", "loop", "loop"])
        self.assertEqual(self.system.getDelayedCalls(), [])


class Reactor(ReactorBase):
    """
    A reactor that is not installed, and performs no input or output.
    """

    def installWaker(self) -> None: ...


class MonotonicTests(SynchronousTestCase):
    """
    Tests for L{useMonotonic}.
    """

    def test_pending(self) -> None:
        """
        Pending timers keep their delays, and later ones are monotonic too.
        """
        reactor: Any = Reactor()
        pending = reactor.callLater(100, list)
        useMonotonic(reactor)
        useMonotonic(reactor)
        self.assertIs(reactor.seconds, time.monotonic)
        self.assertTrue(0 < pending.getTime() - time.monotonic() <= 100)
        self.assertLessEqual(reactor.timeout(), 100)
        later = reactor.callLater(10, list)
        later.reset(20)
        self.assertTrue(0 < later.getTime() - time.monotonic() <= 20)

    def test_due(self) -> None:
        """
        A timer that is due is called in the next turn.
        """
        reactor: Any = Reactor()
        called: list[int] = []
        reactor.callLater(0, called.append, 1)
        useMonotonic(reactor)
        reactor.runUntilCurrent()
        self.assertEqual(called, [1])

    def test_direct(self) -> None:
        """
        The clock of a chat on such a reactor adds no wrapper.
        """
        reactor: Any = Reactor()
        useMonotonic(reactor)
        clock = ChatClock(reactor)
        self.assertIs(clock.seconds, time.monotonic)
        self.assertIsNone(clock.timers)
        self.assertIsInstance(clock.callLater(5, list).getTime(), float)
        self.assertIs(clock.callLater(0, list), reactor.getDelayedCalls()[-1])

    def test_afterwards(self) -> None:
        """
        A chat's clock that was made before continues unchanged.
        """
        reactor: Any = Reactor()
        clock = ChatClock(reactor)
        began = clock.seconds()
        timer = clock.callLater(100, list)
        useMonotonic(reactor)
        self.assertTrue(0 <= clock.seconds() - began < 50)
        (call,) = reactor.getDelayedCalls()
        self.assertTrue(0 < call.getTime() - time.monotonic() <= 100)
        self.assertTrue(0 < timer.getTime() - clock.seconds() <= 100)

    def test_others(self) -> None:
        """
        An object that is not a reactor of Twisted is left unchanged.
        """
        clock = Clock()
        useMonotonic(clock)
        self.assertEqual(clock.seconds(), 0)


class SetClockTests(SynchronousTestCase):
    """
    A chat whose host application sets the clock.
    """

    JUMPS = (-20, -HOUR, -1_000_000, HOUR)

    def chats(self) -> Any:
        """
        @return: for each jump a chat and a function that sets its clock
        """
        for jump in self.JUMPS:
            clock = Clock()
            clock.rightNow = 1_764_000_000.0
            yield (
                MemoryChat(clock=clock),
                lambda clock=clock, jump=jump: setattr(clock, "rightNow", clock.rightNow + jump),
            )

    def test_rate(self) -> None:
        """
        No client is blocked, whether it exceeds its burst before or after the jump, and the rate
        still applies.
        """
        for chat, set in self.chats():
            mina, ada = chat.tcp("Mina", "dev"), chat.tcp("Ada", "dev")
            mina.send("\n".join(map(str, range(22))))
            ada.send("one")
            chat.turn()
            set()
            ada.send("two")
            chat.turn()
            self.assertIn("Ada:two", ada.received())
            chat.clock.pump([0.21] * 2)
            ada.received()
            ada.send("\n".join(map(str, range(30))))
            chat.turn()
            self.assertTrue(18 <= len(ada.received()) <= 20)
            self.assertEqual(mina.transport.producerState, "producing")

    def test_flush(self) -> None:
        """
        Messages from the turn in which the clock was set are delivered.
        """
        for chat, set in self.chats():
            mina = chat.tcp("Mina", "dev")
            mina.send("one")
            set()
            mina.send("two")
            chat.turn()
            self.assertEqual(mina.received(), ["Mina:one", "Mina:two"])

    def test_deadlines(self) -> None:
        """
        The timeouts for the hello and the pings continue with the next activity.
        """
        for chat, set in self.chats():
            silent, mina = chat.tcp(), chat.tcp("Mina", "dev")
            watcher = chat.tcp()
            watcher.send('{"v": 1, "name": "Wan", "room": "dev"}')
            set()
            mina.send("hello")
            chat.clock.pump([1] * 10)
            self.assertFalse(silent.connected)
            watcher.received()
            chat.clock.pump([1] * 16)
            self.assertIn('{"type":"ping"}', watcher.received())

    def test_presence(self) -> None:
        """
        A leave is announced after the usual delay.
        """
        for chat, set in self.chats():
            watcher, mina = chat.tcp(), chat.tcp("Mina", "dev")
            watcher.send('{"v": 1, "name": "Wan", "room": "dev", "presence": true}')
            mina.close()
            set()
            watcher.send('{"type": "ping"}')
            watcher.received()
            chat.clock.pump([1] * 6)
            (told,) = [json.loads(line) for line in watcher.received()]
            self.assertEqual(told["left"], ["Mina"])

    def test_ids(self) -> None:
        """
        An id is remembered for two minutes, even if the clock is set back.
        """
        chat = MemoryChat()
        mina = chat.tcp()
        mina.send('{"v": 1, "name": "Mina", "room": "dev"}')
        for wait, duplicate in ((0, False), (100, True), (30, False)):
            chat.clock.advance(wait)
            chat.clock.rightNow -= HOUR
            mina.received()
            mina.send('{"type": "say", "text": "hi", "id": "a"}')
            mina.send('{"type": "pong"}')
            chat.turn()
            acks = [json.loads(each) for each in mina.received() if '"ack"' in each]
            self.assertEqual(acks[0].get("duplicate", False), duplicate)

    def test_at(self) -> None:
        """
        The time of a message is the time of day.
        """
        for chat, set in self.chats():
            bot = chat.member("bot", "dev")
            set()
            chat.service.say(bot, "dev", "hello")
            chat.turn()
            self.assertEqual(bot.messages[0].at, int(chat.clock.seconds() * 1000))

    def test_sanctions(self) -> None:
        """
        A mute ends at its time of day.
        """
        for chat, set in self.chats():
            chat.member("bot", "dev")
            mina = chat.tcp("Mina", "dev")
            chat.service.moderation.mute("dev", "Mina", 600)
            end = chat.clock.rightNow + 600
            set()
            for now, refused in ((end - 1, True), (end + 1, False)):
                chat.clock.rightNow = now
                chat.turn()
                mina.received()
                mina.send("hello")
                chat.turn()
                self.assertEqual("muted" in mina.received()[0], refused)


class StandstillTests(SynchronousTestCase):
    """
    The process has stood still beyond a deadline.
    """

    def setUp(self) -> None:
        self.turns = Turns()
        self.chat = MemoryChat(Limits(), clock=self.turns)

    def wake(self, after: float, *arrived: Any) -> None:
        """
        Stand still, then run some turns.

        @param arrived: called as the input of the first turn
        """
        self.turns.rightNow += after
        self.turns.turn(*arrived)
        for _ in range(4):
            self.turns.turn()

    def test_hello(self) -> None:
        """
        Clients whose hello has arrived can join, and the others may reconnect.
        """
        clients = [self.chat.tcp() for _ in range(3)] + [self.chat.ws()]
        silent = self.chat.ws()
        self.wake(
            11,
            *[lambda i=i, c=c: c.join(f"m{i}", "dev") for i, c in enumerate(clients)],
        )
        self.assertEqual([client.connected for client in clients], [True] * 4)
        self.assertEqual(len(next(iter(self.chat.service.rooms)).occupants), 4)
        self.assertIn("machat:error hello-timeout", silent.received()[0])
        self.assertEqual(silent.closeCode, 3002)

    def test_pong(self) -> None:
        """
        An answer to a ping that has arrived counts.
        """
        mina, ada = self.chat.ws("Mina", "dev"), self.chat.ws("Ada", "dev")
        for _ in range(34):
            self.wake(1)
        self.wake(100, lambda: mina.sendFrame(0x8A, b""))
        for client in (mina, ada):
            client.received()
        self.assertEqual((mina.closeCode, ada.closeCode), (None, 3012))
