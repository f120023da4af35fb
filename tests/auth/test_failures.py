"""
Tests for L{machat.auth.failures}: failed logins at several processes.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.failures import ASK
from machat.auth.login import LONGEST, PAUSE, Attempt, Authenticator
from machat.auth.queues import MINUTE
from machat.auth.realm import ChatRealm
from machat.auth.users import IChatUser
from machat.errors import ChatError
from machat.limits import Limits
from machat.logbook import Logbook
from tests.auth.test_login import SlowChecker
from tests.quotas import MemoryQuotas, Numbers


class SharedFailuresTests(SynchronousTestCase):
    """
    Two processes that allow three failures from one network within a minute.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.numbers = Numbers()
        self.checker = SlowChecker()
        self.quotas = [MemoryQuotas(self.clock, self.numbers) for _ in range(2)]
        limits = Limits(maxFailures=3, joinTimeout=LONGEST)
        self.here, self.there = [
            Authenticator(
                self.clock,
                limits,
                Portal(ChatRealm(), [self.checker]),
                Logbook(self.clock),
                quotas,
            )
            for quotas in self.quotas
        ]

    def login(self, process: Authenticator, network: str = "192.0.2.1") -> Deferred[IChatUser]:
        """
        Begin a login.
        """
        attempt = Attempt(name="Mina", password="secret", token=None, network=network, peer="x")
        return process.authenticate(attempt)

    def answer(self, result: Any) -> None:
        """
        Answer all checks.
        """
        asked, self.checker.asked = self.checker.asked, []
        for each in asked:
            each.callback(result)

    def codeOf(self, login: Deferred[IChatUser]) -> str:
        """
        @return: the code of a refusal
        """
        error = self.failureResultOf(login, ChatError).value
        assert isinstance(error, ChatError)
        return error.code

    def test_together(self) -> None:
        """
        Failures at both processes count. Further logins are refused, until a minute has passed.
        """
        failing = [self.login(process) for process in (self.here, self.here, self.there)]
        self.answer(b"Other")
        self.clock.advance(PAUSE)
        self.assertEqual([self.codeOf(each) for each in failing], ["bad-credentials"] * 3)
        for process in (self.here, self.there):
            self.assertEqual(self.codeOf(self.login(process)), "busy")
        self.assertEqual(self.checker.asked, [])
        other = self.login(self.there, "192.0.2.2")
        self.answer(b"Mina")
        self.assertEqual(self.successResultOf(other).name, "Mina")
        self.clock.advance(MINUTE)
        again = self.login(self.there)
        self.answer(b"Mina")
        self.assertEqual(self.successResultOf(again).name, "Mina")

    def test_atOnce(self) -> None:
        """
        No more attempts are checked at the same time than may fail. Others wait for their results.
        """
        logins = [self.login(process) for process in [self.here] * 3 + [self.there] * 3]
        self.assertEqual(len(self.checker.asked), 3)
        self.answer(b"Mina")
        self.clock.advance(ASK)
        self.assertEqual(len(self.checker.asked), 3)
        self.answer(b"Mina")
        self.assertEqual([self.successResultOf(each).name for each in logins], ["Mina"] * 6)
        self.assertEqual(list(self.numbers.entries.values()), [{}])

    def test_tooLong(self) -> None:
        """
        A login that waits for others too long is refused, and does not count.
        """
        logins = [self.login(process) for process in [self.here] * 3 + [self.there]]
        for _ in range(int(LONGEST / ASK)):
            self.clock.advance(ASK)
        self.assertEqual([self.codeOf(each) for each in logins], ["busy"] * 4)
        self.assertEqual(len(self.checker.asked), 3)

    def test_cancelled(self) -> None:
        """
        A client that disconnects while it waits leaves nothing; during the check, it counts.
        """
        for _ in range(3):
            self.login(self.here)
        waiting = self.login(self.there)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.answer(b"Mina")
        self.assertEqual(list(self.numbers.entries.values()), [{}])
        checked = self.login(self.there)
        checked.cancel()
        self.failureResultOf(checked, CancelledError)
        self.assertEqual(len(self.numbers.entries["login-network", "192.0.2.1"]), 1)

    def test_unavailable(self) -> None:
        """
        While the store is not available, each process counts its own failures.
        """
        for quotas in self.quotas:
            quotas.up = False
        for process in (self.here, self.there):
            failing = [self.login(process) for _ in range(3)]
            self.answer(b"Other")
            self.clock.advance(PAUSE)
            self.assertEqual([self.codeOf(each) for each in failing], ["bad-credentials"] * 3)
            self.assertEqual(self.codeOf(self.login(process)), "busy")
