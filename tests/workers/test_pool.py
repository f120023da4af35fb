"""
Tests for L{machat.workers.pool} and L{machat.workers.process}.
"""

from __future__ import annotations

import errno
import signal
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.workers.messages import Ask, State, Stop, Topic
from machat.workers.pool import DELAY, HEALTHY, LONGEST, Action, Pool
from machat.workers.process import ALIVE_EVERY, ANSWER, SILENT, START, STOP, Stage
from tests.test_logbook import logged
from tests.workers.fakes import FakeLauncher, FakeProcess

#: The maximum time for the drain, seconds.
DRAIN = 30.0


class Reactor(Clock):
    """
    A clock that runs.
    """

    def callWhenRunning(self, function: Any, *args: Any) -> None:
        function(*args)


class PoolTestCase(SynchronousTestCase):
    """
    Tests with a pool of two workers.
    """

    def setUp(self) -> None:
        self.clock = Reactor()
        self.launcher = FakeLauncher()
        self.started = self.launcher.started
        self.failures: list[str] = []
        self.pool = Pool(self.clock, 2, self.launcher, DRAIN, self.failures.append)
        self.lines = logged(self)

    def serve(self) -> None:
        """
        Start the pool, until both workers are ready.
        """
        self.pool.startService()
        for each in self.started:
            each.report(State.READY)

    def serving(self) -> list[FakeProcess]:
        """
        @return: the processes of the workers
        """
        return [
            each
            for slot in self.pool.slots
            for each in self.started
            if each.process is slot.process
        ]


class StartTests(PoolTestCase):
    def test_ready(self) -> None:
        """
        The server is ready when the last worker is ready.
        """
        self.pool.startService()
        first, second = self.started
        second.report(State.READY)
        self.assertEqual(self.launcher.notified, [])
        first.report(State.READY)
        self.assertEqual(self.launcher.notified, ["READY=1"])

    def test_failed(self) -> None:
        """
        If a worker ends before the server was ready, the server does not start, and the reason is
        what the worker wrote last. It is reported once.
        """
        self.pool.startService()
        first, second = self.started
        first.process.childDataReceived(2, b"Traceback\nmachat: --auth: no such file\n")
        first.end(1)
        second.end(1)
        self.assertEqual(
            self.failures, ["worker 1 ended with status 1: machat: --auth: no such file"]
        )
        self.successResultOf(self.pool.stopService())
        self.assertFalse(self.pool.clean)

    def test_notLaunched(self) -> None:
        """
        A process that the system does not start is a failure too.
        """
        self.launcher.broken = OSError(errno.EMFILE, "Too many open files")
        self.pool.startService()
        self.assertEqual(
            self.failures, ["worker 1 could not be started: [Errno 24] Too many open files"]
        )

    def test_late(self) -> None:
        """
        A worker that is not ready in time is killed.
        """
        self.pool.startService()
        self.clock.advance(START)
        self.assertEqual(self.started[0].signals, ["KILL"])
        self.started[0].end(signal=signal.SIGKILL)
        reason = f"worker 1 was killed: it was not ready after {START:g} s"
        self.assertEqual(self.failures, [reason])

    def test_stoppedDuringStart(self) -> None:
        """
        A stop during the start ends the workers by SIGTERM, which needs nothing of them, and is
        no failure.
        """
        self.pool.startService()
        stopped = self.pool.stopService()
        for each in self.started:
            self.assertEqual((each.signals, each.sent), (["TERM"], []))
            each.end(signal=signal.SIGTERM)
        self.successResultOf(stopped)
        self.assertTrue(self.pool.clean)
        self.assertEqual(self.failures, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ReplacementTests(PoolTestCase):
    def test_once(self) -> None:
        """
        A worker that ends is replaced at once, and keeps its number and its sockets.
        """
        self.serve()
        self.started[1].end(signal=signal.SIGKILL)
        self.clock.advance(0)
        self.assertEqual([each.process.number for each in self.started], [1, 2, 2])
        self.assertEqual(self.launcher.suspended, set())
        self.assertIn(
            "worker 2 (process 101) was ended by SIGKILL: its replacement starts now", self.lines()
        )
        self.assertEqual(self.pool.slots[1].restarts, 1)

    def test_loop(self) -> None:
        """
        The delay doubles with each failure, up to a limit. Meanwhile, the other workers receive the
        new connections, and after three failures the log names a remedy.
        """
        self.serve()
        delays = []
        for _ in range(12):
            began = self.clock.seconds()
            known = len(self.started)
            self.started[-1].process.childDataReceived(2, b"out of memory\n")
            self.started[-1].end(1)
            self.clock.advance(0)
            while len(self.started) == known:
                self.assertEqual(self.launcher.suspended, {2})
                self.clock.advance(1)
            delays.append(self.clock.seconds() - began)
            self.assertEqual(self.launcher.suspended, set())
        doubled = [DELAY * 2**doublings for doublings in range(1, 12)]
        self.assertEqual(delays, [0, *[min(each, LONGEST) for each in doubled]])
        lines = self.lines()
        self.assertEqual(sum("SIGUSR2 restarts" in line for line in lines), 10)
        self.assertIn("out of memory: its replacement starts in 2 s", "\n".join(lines))

    def test_healthy(self) -> None:
        """
        After a minute without a failure, a failure costs no delay again.
        """
        self.serve()
        for _ in range(3):
            self.clock.advance(HEALTHY - 1)
            self.clock.advance(1)
            self.started[-1].end(1)
            self.clock.advance(0)
            self.started[-1].report(State.READY)
            self.started[0].report(State.READY)  # a sign of life
        self.assertEqual(len(self.started), 5)

    def test_drained(self) -> None:
        """
        A worker that an operator stops with SIGTERM is replaced when its drain begins, because it
        accepts no connections any more.
        """
        self.serve()
        self.started[0].report(State.STOPPING)
        self.assertEqual([each.process.number for each in self.started], [1, 2, 1])
        self.started[0].end()
        self.assertEqual(len(self.started), 3)

    def test_silent(self) -> None:
        """
        A worker that gives no sign of life for a minute is killed and replaced. One that answers
        is not.
        """
        self.serve()
        for _ in range(SILENT):
            self.clock.advance(ALIVE_EVERY)
            self.started[1].answer([200, "ready"])
        self.assertEqual(self.started[0].signals, [])
        self.clock.advance(ALIVE_EVERY)
        self.assertEqual([each.signals for each in self.started], [["KILL"], []])
        self.started[0].end(signal=signal.SIGKILL)
        self.assertIn("was killed: it has not answered for 60 s", "\n".join(self.lines()))

    def test_parentPaused(self) -> None:
        """
        The time for which the parent itself is paused does not count.
        """
        self.serve()
        self.clock.advance(10 * SILENT * ALIVE_EVERY)
        self.assertEqual([each.signals for each in self.started], [[], []])


class StopTests(PoolTestCase):
    def test_drain(self) -> None:
        """
        All workers drain at the same time. No replacement starts.
        """
        self.serve()
        stopped = self.pool.stopService()
        for each in self.started:
            self.assertEqual((each.sent[-1], each.signals), (Stop(), []))
            self.assertNoResult(stopped)
            each.report(State.STOPPING)
            each.end()
        self.successResultOf(stopped)
        self.assertTrue(self.pool.clean)
        self.assertEqual(len(self.started), 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stuck(self) -> None:
        """
        A worker that does not end is killed some seconds after the drain should have ended. The
        stop was not clean then.
        """
        self.serve()
        stopped = self.pool.stopService()
        self.started[0].end()
        self.clock.advance(DRAIN + STOP)
        self.assertEqual(self.started[1].signals, ["KILL"])
        self.started[1].end(signal=signal.SIGKILL)
        self.successResultOf(stopped)
        self.assertFalse(self.pool.clean)

    def test_betweenTwo(self) -> None:
        """
        A stop while a replacement waits for its delay starts it no more.
        """
        self.serve()
        self.started[1].end(1)
        stopped = self.pool.stopService()
        self.started[0].end()
        self.successResultOf(stopped)
        self.clock.advance(LONGEST)
        self.assertEqual(len(self.started), 2)


class ReloadTests(PoolTestCase):
    def test_oneAfterAnother(self) -> None:
        """
        Each worker reloads when the previous one has reloaded.
        """
        self.serve()
        self.assertTrue(self.pool.act(Action.RELOAD))
        first, second = self.started
        self.assertEqual((first.signals, second.signals), (["HUP"], []))
        first.report(State.RELOADING)
        first.report(State.READY)
        self.assertEqual((first.signals, second.signals), (["HUP"], ["HUP"]))
        second.report(State.READY)
        self.assertEqual(self.launcher.notified, ["READY=1", "READY=1"])

    def test_slow(self) -> None:
        """
        A worker that does not reload in time is logged, and the next one follows.
        """
        self.serve()
        self.pool.act(Action.RELOAD)
        self.clock.advance(ANSWER)
        self.assertEqual(self.started[1].signals, ["HUP"])
        self.assertIn("worker 1 has not reloaded its certificates within 2 s", self.lines())

    def test_whileStopping(self) -> None:
        """
        A reload while the server starts or stops is refused, and logged.
        """
        self.pool.startService()
        self.assertFalse(self.pool.act(Action.RELOAD))
        for each in self.started:
            each.report(State.READY)
        self.pool.stopService()
        self.assertFalse(self.pool.act(Action.RELOAD))
        self.assertEqual([each.signals for each in self.started], [[], []])
        self.assertIn("no reload while the server stops", self.lines())

    def test_afterRestart(self) -> None:
        """
        A reload during a rolling restart follows it, once.
        """
        self.serve()
        self.pool.act(Action.RESTART)
        self.pool.act(Action.RELOAD)
        self.pool.act(Action.RELOAD)
        for old, new in ((0, 2), (1, 3)):
            self.started[new].report(State.READY)
            self.started[old].end()
        for each in self.started[2:]:
            self.assertEqual(each.signals, ["HUP"])
            each.report(State.READY)
        self.assertEqual([each.signals for each in self.started], [[], [], ["HUP"], ["HUP"]])


class RestartTests(PoolTestCase):
    def test_oneAfterAnother(self) -> None:
        """
        The next process serves before the previous one drains, and the next worker follows when
        the previous process has ended.
        """
        self.serve()
        self.pool.act(Action.RESTART)
        first, second, third = self.started
        self.assertEqual((third.process.number, first.sent), (1, []))
        third.report(State.READY)
        self.assertEqual((first.sent, second.sent), ([Stop()], []))
        self.assertEqual(len(self.started), 3)
        first.end()
        fourth = self.started[3]
        self.assertEqual(fourth.process.number, 2)
        fourth.report(State.READY)
        second.end()
        self.assertEqual(self.serving(), [third, fourth])
        self.assertIn("rolling restart of the workers is complete", self.lines())
        self.assertEqual([slot.restarts for slot in self.pool.slots], [0, 0])

    def test_broken(self) -> None:
        """
        If a new process fails, the rolling restart ends, and the previous processes keep serving.
        """
        self.serve()
        before = self.serving()
        self.pool.act(Action.RESTART)
        self.started[2].process.childDataReceived(2, b"SyntaxError\n")
        self.started[2].end(1)
        self.assertEqual(self.serving(), before)
        self.assertEqual([each.sent for each in before], [[], []])
        self.assertIn(
            "rolling restart ends at worker 1: its new process ended with status 1: SyntaxError",
            "\n".join(self.lines()),
        )
        self.clock.advance(LONGEST)
        self.assertEqual(len(self.started), 3)
        self.assertTrue(self.pool.act(Action.RESTART))

    def test_inLoop(self) -> None:
        """
        A rolling restart replaces a worker at once that waits for its delay. If that fails, it
        waits again.
        """
        self.serve()
        for _ in range(4):
            self.started[-1].end(1)
            self.clock.advance(DELAY * 4)
        self.started[-1].end(1)
        self.pool.act(Action.RESTART)
        self.started[-1].report(State.READY)
        self.started[0].end()
        repaired = self.started[-1]
        repaired.end(1)
        self.assertEqual(self.pool.slots[1].process, None)
        self.clock.advance(LONGEST)
        self.assertIsNot(self.started[-1], repaired)

    def test_previousDies(self) -> None:
        """
        If the previous process ends by itself while the next one starts, one process serves in the
        end.
        """
        self.serve()
        self.pool.act(Action.RESTART)
        self.started[0].end(1)
        self.clock.advance(0)
        self.assertEqual([each.process.number for each in self.started], [1, 2, 1, 1])
        self.started[3].report(State.READY)
        self.started[2].report(State.READY)
        self.assertEqual(self.started[3].sent, [Stop()])
        self.assertIs(self.pool.slots[0].process, self.started[2].process)

    def test_stopped(self) -> None:
        """
        A stop during a rolling restart ends all processes, and starts none.
        """
        self.serve()
        self.pool.act(Action.RESTART)
        stopped = self.pool.stopService()
        self.assertEqual(self.started[2].signals, ["TERM"])
        for each in self.started:
            each.end()
        self.successResultOf(stopped)
        self.assertEqual(len(self.started), 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class AskTests(PoolTestCase):
    def test_answer(self) -> None:
        """
        An answer reaches the question with its number.
        """
        self.serve()
        process = self.started[0].process
        answer = process.ask(Topic.ROOMS)
        self.assertEqual(self.started[0].sent, [Ask(1, Topic.ROOMS)])
        self.started[0].answer({"count": 1})
        self.assertEqual(self.successResultOf(answer), {"count": 1})

    def test_none(self) -> None:
        """
        A question to a slow worker has no answer after some seconds, and one to a worker that has
        ended has none at once. A late answer is ignored.
        """
        self.serve()
        process = self.started[0].process
        slow = process.ask(Topic.ROOMS)
        self.clock.advance(ANSWER)
        self.assertIsNone(self.successResultOf(slow))
        self.started[0].answer([])
        pending = process.ask(Topic.ROOMS)
        self.started[0].end(1)
        self.assertIsNone(self.successResultOf(pending))
        self.assertIs(process.stage, Stage.ENDED)
        self.assertIsNone(self.successResultOf(process.ask(Topic.ROOMS)))
