"""
Tests for the thread and for the time limit of its calls.
"""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.clock import ChatClock
from machat.store.sqlite.worker import Deadline, Worker
from tests.processes import PATIENCE
from tests.store.sqlite.machine import Turns


class WorkerTests(SynchronousTestCase):
    """
    Tests for L{Worker}.
    """

    def setUp(self) -> None:
        self.reactor = Turns()
        self.worker = Worker("machat-test", self.reactor.callFromThread)
        self.addCleanup(self.worker.stop)

    def call(self, function: Any) -> Any:
        """
        @return: the result of a call in the thread
        """
        done: Deferred[Any] = Deferred()
        self.worker.call(function, lambda result: done.callback([result]))
        return self.reactor.wait(done)[0]

    def test_call(self) -> None:
        """
        Calls are made one after the other, in a thread with a name that does not keep the process
        from ending.
        """
        thread = self.call(threading.current_thread)
        self.assertEqual((thread.name, thread.daemon), ("machat-test", True))
        self.assertIs(self.call(threading.current_thread), thread)

    def test_failure(self) -> None:
        """
        An exception becomes a L{Failure}, and the thread goes on.
        """
        for error in (ValueError, SystemExit):

            def fail(error: type[BaseException] = error) -> None:
                raise error

            result = self.call(fail)
            self.assertIsInstance(result, Failure)
            self.assertIs(result.type, error)
        self.assertEqual(self.call(int), 0)

    def test_stop(self) -> None:
        """
        The thread ends after the calls that were made before.
        """
        thread = self.call(threading.current_thread)
        made: list[int] = []
        self.worker.call(lambda: made.append(1), lambda _: None)
        self.worker.stop()
        thread.join(PATIENCE)
        self.assertEqual((thread.is_alive(), made), (False, [1]))


class DeadlineTests(SynchronousTestCase):
    """
    Tests for L{Deadline}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.due: list[float] = []
        self.expired: list[float] = []
        self.deadline = Deadline(ChatClock(self.clock), 10, self.expire)

    def expire(self, now: float) -> float | None:
        """
        End the operations that are due.
        """
        self.expired += [due for due in self.due if due <= now]
        self.due = [due for due in self.due if due > now]
        return min(self.due, default=None)

    def pass_(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.clock.advance(seconds)
        self.clock.advance(0)

    def test_oneTimer(self) -> None:
        """
        Each operation ends at its own time, with one timer for all.
        """
        self.due.append(self.deadline.begin())
        self.pass_(4)
        self.due.append(self.deadline.begin())
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.pass_(6)
        self.assertEqual(self.expired, [10])
        self.pass_(3.5)
        self.assertEqual(self.expired, [10])
        self.pass_(0.5)
        self.assertEqual(self.expired, [10, 14])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """
        The timer can be stopped.
        """
        self.deadline.begin()
        self.deadline.stop()
        self.deadline.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
