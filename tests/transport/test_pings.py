"""
Tests for L{machat.transport.pings}.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.transport.pings import Wheel


class Connection:
    """
    Records the times at which it was pinged, and at which its answer was checked.
    """

    def __init__(self, clock: Clock, action: Callable[[], object] = lambda: None) -> None:
        self.clock = clock
        self.action = action
        self.pings: list[float] = []
        self.checks: list[float] = []

    def ping(self) -> None:
        self.pings.append(self.clock.seconds())
        self.action()

    def checkPong(self) -> None:
        self.checks.append(self.clock.seconds())


class WheelTests(SynchronousTestCase):
    """
    Tests for L{Wheel}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.wheel = Wheel(self.clock, 25, 10)

    def add(self, action: Callable[[], object] = lambda: None) -> Connection:
        """
        @return: a connection on the wheel
        """
        connection = Connection(self.clock, action)
        self.wheel.add(connection)
        return connection

    def wait(self, seconds: int) -> None:
        """
        Advance the clock second by second.
        """
        self.clock.pump([1] * seconds)

    def test_ping(self) -> None:
        """
        A connection is pinged once per round, first after one full round.
        """
        connection = self.add()
        self.wait(24)
        self.assertEqual(connection.pings, [])
        self.wait(76)
        self.assertEqual(connection.pings, [25, 50, 75, 100])

    def test_checkPong(self) -> None:
        """
        The answer is checked C{pong} seconds after each ping.
        """
        connection = self.add()
        self.wait(84)
        self.assertEqual([at for at in connection.checks if at > 25], [35, 60])
        self.wait(1)
        self.assertEqual([at for at in connection.checks if at > 25], [35, 60, 85])

    def test_spread(self) -> None:
        """
        Connections that are added at different times are pinged at different times, by one timer.
        """
        first = self.add()
        self.wait(7)
        second = self.add()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.wait(50)
        self.assertEqual((first.pings, second.pings), ([25, 50], [32, 57]))
        self.assertEqual(second.checks[-1], 42)

    def test_slot(self) -> None:
        """
        A connection that is added between two ticks is pinged within a second after its round.
        """
        self.add()
        self.clock.advance(0.5)
        second = self.add()
        self.clock.advance(0.5)
        self.wait(24)
        self.assertEqual(second.pings, [25])

    def test_discard(self) -> None:
        """
        A connection that is removed is neither pinged nor checked; others are.
        """
        gone, stays = self.add(), self.add()
        self.wait(25)
        gone.checks.clear()
        self.wheel.discard(gone)
        self.wait(60)
        self.assertEqual((gone.pings, gone.checks), ([25], []))
        self.assertEqual(stays.pings, [25, 50, 75])

    def test_discardStranger(self) -> None:
        """
        Removing a connection that is not on the wheel, or no longer, is ignored.
        """
        stays = self.add()
        gone = self.add()
        self.wheel.discard(Connection(self.clock))
        self.wheel.discard(gone)
        self.wheel.discard(gone)
        self.wait(25)
        self.assertEqual((stays.pings, gone.pings), ([25], []))

    def test_timerStops(self) -> None:
        """
        The wheel turns only while it has connections.
        """
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.wheel.discard(Connection(self.clock))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        first, second = self.add(), self.add()
        self.wait(30)
        self.wheel.discard(first)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.wheel.discard(second)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_startsAgain(self) -> None:
        """
        A wheel that was stopped gives a new connection a whole round.
        """
        first = self.add()
        self.wait(12)
        self.wheel.discard(first)
        self.wait(100)
        second = self.add()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.wait(60)
        self.assertEqual(second.pings, [112 + 25, 112 + 50])

    def test_discardWhilePinged(self) -> None:
        """
        A connection may be removed while it is pinged; if it was the last one, the wheel stops.
        """
        first = self.add(lambda: self.wheel.discard(first))
        second = self.add(lambda: self.wheel.discard(second))
        self.wait(24)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.wait(1)
        self.assertEqual((first.pings, second.pings), ([25], [25]))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(
        times=st.lists(st.integers(0, 40), min_size=1, max_size=6),
        ping=st.integers(2, 12),
        data=st.data(),
    )
    @settings(deadline=None, max_examples=100)
    def test_anyRound(self, times: list[int], ping: int, data: st.DataObject) -> None:
        """
        Whenever connections are added, each is pinged once per round and checked C{pong} later.
        """
        pong = data.draw(st.integers(1, ping - 1))
        clock = Clock()
        wheel = Wheel(clock, ping, pong)
        connections = [(time, Connection(clock)) for time in times]
        for second in range(80):
            for time, connection in connections:
                if time == second:
                    wheel.add(connection)
            clock.advance(1)
        for time, connection in connections:
            asked = list(range(time + ping, 81, ping))
            self.assertEqual(connection.pings, asked)
            looked = [at for at in connection.checks if at > time + ping]
            self.assertEqual(looked, [at + pong for at in asked if at + pong <= 80])
            wheel.discard(connection)
        self.assertEqual(clock.getDelayedCalls(), [])
