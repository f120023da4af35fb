"""
Tests for L{machat.transport.turns}, with a reactor that runs one turn at a time.
"""

from __future__ import annotations

import os
import select
import socket
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from machat.clock import ChatClock
from machat.transport.sockets import Sockets
from machat.transport.turns import mayLead


class _Recorder(Protocol):
    def __init__(self) -> None:
        self.events: list[object] = []

    def dataReceived(self, data: bytes) -> None:
        self.events.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.events.append(reason.value)


@implementer(IReadDescriptor)
class _Pipe:
    """
    A descriptor of the reactor itself.
    """

    def __init__(self) -> None:
        self.here, self.there = os.pipe()
        self.received: list[bytes] = []

    def fileno(self) -> int:
        return self.here

    def logPrefix(self) -> str:
        return "pipe"

    def doRead(self) -> None:
        self.received.append(os.read(self.here, 10))

    def connectionLost(self, reason: Failure) -> None:
        self.received.append(b"lost")


class TurnsTests(SynchronousTestCase):
    """
    Connections and other descriptors of one reactor.
    """

    def setUp(self) -> None:
        if not hasattr(select, "epoll"):
            self.skipTest("no epoll on this system")
        from twisted.internet.epollreactor import EPollReactor

        self.reactor: Any = EPollReactor()
        self.addCleanup(self.release)
        self.clock = ChatClock(self.reactor)
        self.pipe = _Pipe()
        self.reactor.addReader(self.pipe)

    def release(self) -> None:
        """
        Close the descriptors of the reactor.
        """
        self.reactor.removeAll()
        self.reactor.waker.connectionLost(connectionDone)
        self.reactor._poller.close()
        os.close(self.pipe.here)
        os.close(self.pipe.there)

    def leading(self) -> Sockets:
        """
        @return: the sockets of a chat that C{twistd machat} serves
        """
        sockets = Sockets(self.clock)
        sockets.leads = True
        return sockets

    def connect(self, sockets: Sockets) -> tuple[Any, list[object], socket.socket]:
        """
        @return: a transport that was adopted, what its protocol receives, and the other end
        """
        here, there = socket.socketpair()
        here.setblocking(False)
        self.addCleanup(there.close)
        protocol = _Recorder()
        port: Any = None
        transport: Any = Server(here, protocol, ("", 0), port, 0, self.reactor)
        protocol.makeConnection(transport)
        sockets.adopt(transport)
        return transport, protocol.events, there

    def test_turn(self) -> None:
        """
        A turn waits for the connections and for the descriptors of the reactor, and serves both.
        """
        _, events, there = self.connect(self.leading())
        there.send(b"a")
        self.reactor.iterate(60)
        self.assertEqual((events, self.pipe.received), ([b"a"], []))
        os.write(self.pipe.there, b"b")
        self.reactor.iterate(60)
        self.assertEqual((events, self.pipe.received), ([b"a"], [b"b"]))
        there.send(b"c")
        os.write(self.pipe.there, b"d")
        self.reactor.iterate(60)
        self.assertEqual((events, self.pipe.received), ([b"a", b"c"], [b"b", b"d"]))
        self.reactor.iterate(0)
        self.assertEqual((events, self.pipe.received), ([b"a", b"c"], [b"b", b"d"]))

    def test_end(self) -> None:
        """
        When the last connection has ended, the reactor polls its descriptors itself again.
        """
        for _ in range(2):
            before = self.reactor.getReaders()
            self.assertTrue(mayLead(self.reactor))
            _, events, there = self.connect(self.leading())
            self.assertFalse(mayLead(self.reactor))
            os.write(self.pipe.there, b"a")
            there.close()
            self.reactor.iterate(60)
            self.assertEqual(len(events), 1)
            self.assertTrue(mayLead(self.reactor))
            self.assertCountEqual(self.reactor.getReaders(), before)
        self.assertEqual(self.pipe.received, [b"a", b"a"])
        os.write(self.pipe.there, b"b")
        self.reactor.iterate(60)
        self.assertEqual(self.pipe.received, [b"a", b"a", b"b"])

    def test_several(self) -> None:
        """
        Two chats can use one reactor. The second one is polled inside it.
        """
        groups = [self.leading() for _ in range(2)]
        made = [self.connect(group) for group in groups]
        for number, (_, _, there) in enumerate(made):
            there.send(b"%d" % number)
        self.reactor.iterate(60)
        self.assertEqual([events for _, events, _ in made], [[b"0"], [b"1"]])
        made[0][2].close()
        self.reactor.iterate(60)
        made[1][2].send(b"2")
        self.reactor.iterate(60)
        self.assertEqual(made[1][1], [b"1", b"2"])

    def test_endFails(self) -> None:
        """
        If the end of a connection raises an exception, it is logged, and the others are served.
        """

        def lost(reason: Failure) -> None:
            raise ValueError("x")

        sockets = self.leading()
        failing, _, elsewhere = self.connect(sockets)
        failing.protocol.connectionLost = lost
        _, events, there = self.connect(sockets)
        elsewhere.close()
        there.send(b"a")
        self.reactor.iterate(60)
        self.assertEqual(events, [b"a"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_stop(self) -> None:
        """
        When the reactor stops, it ends the connections like all others.
        """
        _, events, _ = self.connect(self.leading())
        self.reactor.disconnectAll()
        self.assertEqual(events, [CONNECTION_LOST])
        self.assertEqual(self.pipe.received, [b"lost"])
        self.assertTrue(mayLead(self.reactor))

    def test_application(self) -> None:
        """
        The reactor of an application is left as it is.
        """
        _, events, there = self.connect(Sockets(self.clock))
        self.assertTrue(mayLead(self.reactor))
        there.send(b"a")
        self.reactor.iterate(60)
        self.assertEqual(events, [b"a"])

    def test_others(self) -> None:
        """
        Other reactors are left alone.
        """
        self.assertFalse(mayLead(MemoryReactor()))
