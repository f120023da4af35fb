"""
Tests for L{machat.auth.queues}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.queues import MINUTE, TOO_MANY_FAILURES, Logins, Origin, Source
from machat.errors import BUSY, ChatError


class LoginsTests(SynchronousTestCase):
    def test_forget(self) -> None:
        """
        A queue that ends late does not remove the queue that has taken its place.
        """
        logins = Logins(Clock(), 3)
        origin = Origin(Source.NETWORK, "192.0.2.1")
        first = logins.queueOf(origin)
        logins.forget(origin, first)
        second = logins.queueOf(origin)
        logins.forget(origin, first)
        self.assertIs(logins.queueOf(origin), second)
        logins.forget(origin, second)
        self.assertEqual(len(logins), 0)

    def test_user(self) -> None:
        """
        A user and a network have separate queues, also if their keys are the same.
        """
        logins = Logins(Clock(), 3)
        user = logins.queueOf(Origin(Source.USER, "192.0.2.1"))
        self.assertIsNot(logins.queueOf(Origin(Source.NETWORK, "192.0.2.1")), user)

    def test_failures(self) -> None:
        """
        After as many failures as are allowed within a minute, a login is refused until the first
        failure is a minute old. Then the queue admits it, and is removed a minute after the rest.
        """
        clock = Clock()
        logins = Logins(clock, 2)
        queue = logins.queueOf(Origin(Source.NETWORK, "192.0.2.1"))
        for _ in range(2):
            self.successResultOf(queue.turn())
            queue.leave(True)
            clock.advance(10)
        error = self.failureResultOf(queue.turn(), ChatError).value
        self.assertEqual((error.code, error.retry), (BUSY, MINUTE - 20))
        self.assertIn(TOO_MANY_FAILURES, error.text)
        clock.advance(MINUTE - 20)
        self.successResultOf(queue.turn())
        queue.leave(False)
        clock.pump([0, MINUTE])
        self.assertEqual(len(logins), 0)
