"""
Tests for L{machat.sansio.heartbeat}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.sansio.heartbeat import PING, PONG, SLOWEST, WELCOME, Heartbeat, silenceLimit


class HeartbeatTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[str] = []
        self.deaths = 0
        self.heartbeat = Heartbeat(self.clock, self.asked.append, self.die)

    def die(self) -> None:
        self.deaths += 1

    def test_noWelcome(self) -> None:
        """
        A server that does not send a welcome is treated as lost.
        """
        self.heartbeat.begin()
        self.clock.advance(WELCOME)
        self.assertEqual((self.deaths, self.asked), (1, []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_silent(self) -> None:
        """
        A server that does not answer a ping is treated as lost.
        """
        self.heartbeat.begin()
        self.heartbeat.welcomed(None)
        self.clock.advance(PING)
        self.assertEqual(len(self.asked), 1)
        self.clock.advance(PONG)
        self.assertEqual(self.deaths, 1)

    def test_answers(self) -> None:
        """
        Any data counts as an answer; only the ping's own id proves that the ping was read, and no
        other ping is sent before that.
        """
        self.heartbeat.begin()
        self.heartbeat.welcomed(None)
        for _ in range(3):
            self.clock.advance(PING)
            self.heartbeat.received()
            self.clock.advance(PONG)
            self.assertFalse(self.heartbeat.answered(None))
            self.assertFalse(self.heartbeat.answered("guessed"))
            self.clock.advance(0)
        self.assertEqual((self.deaths, len(self.asked)), (0, 1))
        self.assertTrue(self.heartbeat.answered(self.asked[0]))
        self.assertFalse(self.heartbeat.answered(self.asked[0]))
        self.clock.advance(PING)
        self.assertEqual(len(set(self.asked)), 2)

    def test_paused(self) -> None:
        """
        While nothing is read, silence is not a sign of failure.
        """
        self.heartbeat.begin()
        self.heartbeat.welcomed(None)
        self.heartbeat.paused = True
        self.clock.pump([5.0] * 100)
        self.assertEqual(self.deaths, 0)

    def test_slow(self) -> None:
        """
        A server that reads slowly has longer to answer, up to a limit.
        """
        for rate, seconds in ((None, PONG), (5.0, PONG), (0.1, 20.0), (1e-9, SLOWEST), (0, PONG)):
            self.assertEqual(silenceLimit(rate, PONG), seconds)
