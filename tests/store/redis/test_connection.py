"""
Tests for L{machat.store.redis.connection} and L{machat.store.redis.session}.
"""

from __future__ import annotations

import gc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.store.redis.connection import Commands, Subscription
from machat.store.redis.faults import EngineFault
from machat.store.redis.location import Location
from machat.store.redis.scripts import READ
from machat.store.redis.session import Connector, LinkLost, Session, within


class ConnectionTests(SynchronousTestCase):
    """
    Tests for the two connections of a session.
    """

    def setUp(self) -> None:
        self.transport = StringTransport()
        self.commands = Commands()
        self.commands.makeConnection(self.transport)
        self.subscriptions = StringTransport()
        self.subscription = Subscription()
        self.subscription.makeConnection(self.subscriptions)
        self.session = Session(self.commands, self.subscription)

    def test_cancel(self) -> None:
        """
        The reply to a command that was cancelled, or took too long, does not become the reply to
        another command.
        """
        clock = Clock()
        first = self.session.command(b"GET", b"a")
        late = within(clock, 5, self.session.command(b"GET", b"b"), "answer")
        third = self.session.command(b"GET", b"c")
        first.cancel()
        self.failureResultOf(first)
        clock.advance(5)
        self.failureResultOf(late, LinkLost)
        self.commands.dataReceived(b"$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n")
        self.assertEqual(self.successResultOf(third), b"3")

    def test_several(self) -> None:
        """
        Several commands are written together, and fire with all replies.
        """
        writes: list[bytes] = []
        self.patch(self.transport, "write", writes.append)
        several = self.session.commands([(b"GET", b"a"), (b"GET", b"b")])
        single = self.session.command(b"GET", b"c")
        self.assertEqual([each.count(b"GET") for each in writes], [2, 1])
        self.commands.dataReceived(b"$1\r\n1\r\n")
        self.assertNoResult(several)
        self.commands.dataReceived(b"$-1\r\n$1\r\n3\r\n")
        self.assertEqual(self.successResultOf(several), [b"1", None])
        self.assertEqual(self.successResultOf(single), b"3")
        self.assertEqual(self.successResultOf(self.session.commands([])), [])

    def test_severalRefused(self) -> None:
        """
        If some of several commands are refused, the first error is the result, and the other
        replies are discarded. A cancelled request has no effect on the next command.
        """
        several = self.session.commands([(b"GET", b"a")] * 3)
        cancelled = self.session.commands([(b"GET", b"a")] * 2)
        cancelled.cancel()
        self.failureResultOf(cancelled)
        single = self.session.command(b"GET", b"c")
        self.commands.dataReceived(b"$1\r\n1\r\n-OOM x\r\n-BUSY x\r\n:1\r\n-OOM x\r\n:3\r\n")
        error: Any = self.failureResultOf(several, EngineFault).value
        self.assertIn("out of memory", str(error))
        self.assertEqual(self.successResultOf(single), 3)

    def test_severalLost(self) -> None:
        """
        Several commands fail when the connection is lost, and afterwards.
        """
        several = self.session.commands([(b"GET", b"a")] * 2)
        self.commands.dataReceived(b":1\r\n")
        self.commands.connectionLost(Failure(ConnectionError()))
        self.failureResultOf(several, LinkLost)
        self.failureResultOf(self.session.commands([(b"GET", b"a")]), LinkLost)

    def test_lost(self) -> None:
        """
        When one connection is lost, the commands without a reply and the subscriptions without a
        confirmation fail, and the session ends once.
        """
        ends: list[None] = []
        self.session.onLost = lambda: ends.append(None)
        waiting = self.session.command(b"PING")
        (subscribing,) = self.session.subscribe([b"ch"])
        for connection in (self.commands, self.subscription):
            connection.connectionLost(Failure(ConnectionError()))
        self.failureResultOf(waiting, LinkLost)
        self.failureResultOf(subscribing, LinkLost)
        self.failureResultOf(self.session.command(b"PING"), LinkLost)
        self.failureResultOf(self.session.subscribe([b"ch"])[0], LinkLost)
        self.assertEqual((len(ends), self.session.open), (1, False))

    def test_error(self) -> None:
        """
        An error message of the engine becomes a fault with a remedy.
        """
        waiting = self.session.command(b"SET", b"a", b"b")
        self.commands.dataReceived(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n")
        error: Any = self.failureResultOf(waiting, EngineFault).value
        self.assertIn("raise its maxmemory", str(error))

    def test_forgotten(self) -> None:
        """
        A script that the engine has forgotten is sent again, as text.
        """
        waiting = self.session.run(READ, [b"k"], [1])
        self.transport.clear()
        self.commands.dataReceived(b"-NOSCRIPT No matching script.\r\n")
        self.assertIn(READ.source, self.transport.value())
        self.commands.dataReceived(b"*0\r\n")
        self.assertEqual(self.successResultOf(waiting), [])

    def test_silent(self) -> None:
        """
        An engine that does not answer while the scripts are loaded is reported once.
        """
        clock = Clock()
        connector = Connector(None, clock, Location(socket="/none"))
        preparing = Deferred.fromCoroutine(connector._prepare(self.session, 5))
        self.commands.dataReceived(b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        clock.advance(5)
        self.failureResultOf(preparing, LinkLost)
        for connection in (self.commands, self.subscription):
            connection.connectionLost(Failure(ConnectionError()))
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_confirmations(self) -> None:
        """
        Each subscription fires with its own confirmation, also if it is repeated.
        """
        first, again = self.session.subscribe([b"a"]) + self.session.subscribe([b"a"])
        (other,) = self.session.subscribe([b"b"])
        self.session.unsubscribe(b"a")
        self.subscription.dataReceived(b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
        self.successResultOf(first)
        self.assertNoResult(again)
        self.subscription.dataReceived(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n")
        self.successResultOf(other)
        self.subscription.dataReceived(b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:2\r\n")
        self.successResultOf(again)
        self.subscription.dataReceived(b"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n")

    @given(st.lists(st.binary(max_size=30), max_size=4), st.lists(st.integers(1, 20)))
    def test_published(self, frames: list[bytes], lengths: list[int]) -> None:
        """
        Published messages arrive whole and in order, wherever the bytes are split.
        """
        self.setUp()
        received: list[tuple[bytes, bytes]] = []
        self.session.follow(lambda channel, frame: received.append((channel, frame)))
        data = b"".join(
            b"*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$%d\r\n%b\r\n" % (len(each), each)
            for each in frames
        )
        for length in lengths:
            self.subscription.dataReceived(data[:length])
            data = data[length:]
        self.subscription.dataReceived(data)
        self.assertEqual(received, [(b"ch", each) for each in frames])
