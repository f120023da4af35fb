"""
Tests for L{machat.entrance}.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import (
    AllowAnonymousAccess,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from machat.entrance import BUSY, MINUTE, PATIENCE, PAUSE, WRONG, Entrance
from machat.errors import ChatError
from machat.limits import DEFAULTS
from machat.peers import describe, networkOf
from machat.realm import ChatRealm
from machat.users import IChatUser

HERE = IPv4Address("TCP", "192.0.2.1", 50000)


@implementer(ICredentialsChecker)
class SlowChecker:
    """
    Answers when a test says so.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.asked: list[Deferred[bytes]] = []
        self.cancelled = 0

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes]:
        self.asked.append(Deferred(self._cancel))
        return self.asked[-1]

    def _cancel(self, asked: Deferred[bytes]) -> None:
        self.cancelled += 1


class EntranceTests(SynchronousTestCase):
    """
    Tests for L{Entrance}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.checker: Any = InMemoryUsernamePasswordDatabaseDontUse(Mina=b"secret", Ada=b"other")
        self.entrance = self.entranceOf(self.checker)

    def entranceOf(self, *checkers: Any) -> Entrance:
        """
        @return: an entrance with these checkers
        """
        return Entrance(self.clock, DEFAULTS, Portal(ChatRealm(), list(checkers)))

    def enter(
        self, name: str, password: str | None = None, address: Any = HERE
    ) -> Deferred[IChatUser]:
        """
        Try to get in.
        """
        return self.entrance.enter(name, password, None, networkOf(address), describe(address))

    def assertRefused(self, entering: Deferred[IChatUser], text: str = WRONG) -> None:
        """
        The client hears these words.
        """
        error = self.failureResultOf(entering, ChatError).value
        self.assertEqual((error.code, error.text), ("bad-credentials", text))

    def failOnce(self) -> None:
        """
        Fail to get in, and hear of it.
        """
        entering = self.enter("Mina", "wrong")
        self.clock.advance(PAUSE)
        self.assertRefused(entering)

    def test_right(self) -> None:
        """
        Who shows the right password is that user, at once.
        """
        user = self.successResultOf(self.enter("Mina", "secret"))
        self.assertEqual(user.name, "Mina")
        self.clock.advance(0)
        self.assertEqual((self.clock.getDelayedCalls(), self.entrance._queues), ([], {}))

    def test_wrong(self) -> None:
        """
        A wrong password and an unknown name are told in the same words after the same time.
        """
        for name, password in (("Mina", "wrong"), ("Nobody", "wrong"), ("Ada", "secret")):
            entering = self.enter(name, password)
            self.clock.advance(PAUSE - 0.001)
            self.assertNoResult(entering)
            self.clock.advance(0.002)
            self.assertRefused(entering)

    def test_nothingShown(self) -> None:
        """
        Who shows nothing hears the same at once, which is no try.
        """
        for _ in range(10):
            self.assertRefused(self.enter("Mina"))
        self.successResultOf(self.enter("Mina", "secret"))

    def test_anonymous(self) -> None:
        """
        Where anonymous access is allowed, anybody gets in under a name that is no user's.
        """
        self.entrance = self.entranceOf(self.checker, AllowAnonymousAccess())
        self.assertIsNone(self.successResultOf(self.enter("Bob")).name)
        self.assertRefused(self.enter("Mina"))
        self.assertRefused(self.enter("MINA"))

    def test_fewTries(self) -> None:
        """
        After three failures in a minute the next try waits until the first is a minute old, though
        it is right; others do not wait.
        """
        for _ in range(3):
            self.failOnce()
        entering = self.enter("Mina", "secret")
        self.clock.advance(MINUTE - 3 * PAUSE - 0.1)
        self.assertNoResult(entering)
        elsewhere = self.enter("Mina", "secret", IPv4Address("TCP", "192.0.2.2", 1))
        self.assertEqual(self.successResultOf(elsewhere).name, "Mina")
        self.clock.advance(0.1)
        self.assertEqual(self.successResultOf(entering).name, "Mina")
        self.clock.pump([MINUTE] * 3)
        self.assertEqual((self.clock.getDelayedCalls(), self.entrance._queues), ([], {}))

    def test_oneNetwork(self) -> None:
        """
        A /64 of IPv6 has as many tries as one address has, and so has this machine.
        """
        for number in range(3):
            entering = self.enter("Mina", "wrong", IPv6Address("TCP", f"2001:db8::{number}", 1))
            local = self.enter("Mina", "wrong", IPv4Address("TCP", "127.0.0.1", number))
            self.clock.advance(PAUSE)
            self.assertRefused(entering)
            self.assertRefused(local)
        for address in (IPv6Address("TCP", "2001:db8::9", 1), IPv4Address("TCP", "127.0.0.1", 9)):
            entering = self.enter("Mina", "secret", address)
            self.assertNoResult(entering)
            entering.cancel()
            self.failureResultOf(entering, CancelledError)

    def test_allAtOnce(self) -> None:
        """
        Tries at the same time get no more: three are under way at once. Those that succeed make
        room for the others.
        """
        self.checker = SlowChecker()
        self.entrance = self.entranceOf(self.checker)
        entering = [self.enter("Mina", str(number)) for number in range(5)]
        self.assertEqual(len(self.checker.asked), 3)
        self.checker.asked[0].callback(b"Mina")
        self.clock.advance(0)
        self.assertEqual(len(self.checker.asked), 4)
        for asked in self.checker.asked[1:4]:
            asked.errback(UnauthorizedLogin())
        self.clock.advance(PAUSE)
        for each in entering[1:4]:
            self.assertRefused(each)
        self.assertEqual(len(self.checker.asked), 4)
        self.clock.advance(MINUTE - PAUSE)
        self.assertEqual(len(self.checker.asked), 5)
        self.checker.asked[4].callback(b"Mina")
        self.assertEqual(self.successResultOf(entering[4]).name, "Mina")

    def test_queue(self) -> None:
        """
        Nobody waits for longer than two minutes for a try.
        """
        self.checker = SlowChecker()
        self.entrance = self.entranceOf(self.checker)
        for _ in range(3):
            entering = self.enter("Mina", "wrong")
            self.checker.asked[-1].errback(UnauthorizedLogin())
            self.clock.advance(PAUSE)
            self.assertRefused(entering)
        waiting = [self.enter("Mina", "secret") for _ in range(7)]
        told: list[Any] = []
        for each in waiting:
            each.addErrback(lambda failure: told.append(failure.value.text))
        for _ in range(int(PATIENCE)):
            self.clock.advance(1)
            for asked in self.checker.asked:
                if not asked.called:
                    asked.errback(UnauthorizedLogin())
        self.assertEqual(sorted(told), sorted([WRONG] * 5 + [BUSY] * 2))

    def test_gone(self) -> None:
        """
        Who goes before his turn is not tried, and a try under way is cancelled.
        """
        self.checker = SlowChecker()
        self.entrance = self.entranceOf(self.checker)
        entering = [self.enter("Mina", "secret") for _ in range(5)]
        for each in reversed(entering):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.clock.advance(0)
        self.assertEqual((len(self.checker.asked), self.checker.cancelled), (3, 3))
        self.assertEqual((self.clock.getDelayedCalls(), self.entrance._queues), ([], {}))

    def test_slowChecker(self) -> None:
        """
        A checker that does not answer in time is none of the client's fault.
        """
        self.checker = SlowChecker()
        self.entrance = self.entranceOf(self.checker)
        entering = self.enter("Mina", "secret")
        self.clock.advance(DEFAULTS.joining)
        self.assertEqual(self.failureResultOf(entering, ChatError).value.code, "failed")

    def test_somebodyElse(self) -> None:
        """
        Credentials are good for their own user's name alone.
        """
        self.checker = SlowChecker()
        self.entrance = self.entranceOf(self.checker)
        entering = self.enter("Mina", "secret")
        self.checker.asked[0].callback(b"Ada")
        self.clock.advance(PAUSE)
        self.assertRefused(entering)
