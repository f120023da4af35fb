"""
Tests for L{machat.auth.login}.
"""

from __future__ import annotations

import time
from typing import Any, cast

import jwt
from twisted.cred.checkers import (
    AllowAnonymousAccess,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from machat.addresses import describe, networkOf
from machat.auth.credentials import IToken, NotChecked
from machat.auth.login import LONGEST, PAUSE, WRONG, Attempt, Authenticator
from machat.auth.queues import LOGINS, MINUTE, RETRY
from machat.auth.realm import ChatRealm
from machat.auth.tokens import Tokens, secret
from machat.auth.users import IChatUser, User
from machat.errors import ChatError
from machat.limits import DEFAULTS, Limits
from machat.logbook import Logbook
from machat.sansio.heartbeat import WELCOME

HERE = IPv4Address("TCP", "192.0.2.1", 50000)


SECRET = "a secret of at least 32 bytes, yes"


@implementer(ICredentialsChecker)
class SlowChecker:
    """
    A checker that answers when a test says so.

    @ivar began: whether the check of a login has begun when it is cancelled
    """

    def __init__(self, interface: Any = IUsernamePassword) -> None:
        self.credentialInterfaces = (interface,)
        self.asked: list[Deferred[bytes | tuple[()]]] = []
        self.cancelled = 0
        self.began = True

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        self.asked.append(Deferred(self._cancel))
        return self.asked[-1]

    def _cancel(self, asked: Deferred[bytes | tuple[()]]) -> None:
        self.cancelled += 1
        if not self.began:
            asked.errback(NotChecked())


@implementer(IRealm)
class Realm:
    """
    A realm whose users have no name.
    """

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: object) -> Any:
        return IChatUser, User(), lambda: None


class AuthenticatorTests(SynchronousTestCase):
    """
    Tests for L{Authenticator}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.checker: Any = InMemoryUsernamePasswordDatabaseDontUse(Mina=b"secret", Ada=b"other")
        self.authenticator = self.authenticatorOf(self.checker)

    def authenticatorOf(self, *checkers: Any, limits: Limits = DEFAULTS) -> Authenticator:
        """
        @return: an authenticator with these checkers
        """
        portal = Portal(ChatRealm(), list(checkers))
        return Authenticator(self.clock, limits, portal, Logbook(self.clock))

    def slowly(self, **limits: Any) -> SlowChecker:
        """
        @return: the checker of a new authenticator
        """
        self.checker = SlowChecker()
        self.authenticator = self.authenticatorOf(self.checker, limits=Limits(**limits))
        slow: SlowChecker = self.checker
        return slow

    def authenticate(
        self, name: str, password: str | None = None, address: Any = HERE, **more: Any
    ) -> Deferred[IChatUser]:
        """
        Try to log in.
        """
        more.setdefault("token", None)
        network, peer = networkOf(address), describe(address)
        attempt = Attempt(name=name, password=password, network=network, peer=peer, **more)
        return self.authenticator.authenticate(attempt)

    def assertRefused(self, authenticating: Deferred[IChatUser], text: str = WRONG) -> None:
        """
        The login fails with this text.
        """
        error = self.failureResultOf(authenticating, ChatError).value
        self.assertEqual((error.code, error.text), ("bad-credentials", text))

    def assertBusy(self, authenticating: Deferred[IChatUser], retry: float) -> None:
        """
        The client may try again after this time.
        """
        error = self.failureResultOf(authenticating, ChatError).value
        self.assertEqual((error.code, error.retry), ("busy", retry))
        self.assertTrue(error.text.endswith(f": try again in {retry:g} s"), error.text)

    def assertNothingLeft(self) -> None:
        """
        No state is left of any login.
        """
        self.assertEqual((self.clock.getDelayedCalls(), len(self.authenticator._logins)), ([], 0))
        self.assertEqual(self.authenticator._logins.free, LOGINS)

    def failOnce(self, **more: Any) -> None:
        """
        Fail to log in, and receive the error.
        """
        authenticating = self.authenticate("Mina", "wrong", **more)
        self.clock.advance(PAUSE)
        self.assertRefused(authenticating)

    def test_right(self) -> None:
        """
        A login with the right password succeeds as that user, at once.
        """
        user = self.successResultOf(self.authenticate("Mina", "secret"))
        self.assertEqual(user.name, "Mina")
        self.clock.advance(0)
        self.assertNothingLeft()

    def test_wrong(self) -> None:
        """
        A wrong password and an unknown name are answered with the same words after the same delay.
        """
        for name, password in (("Mina", "wrong"), ("Nobody", "wrong"), ("Ada", "secret")):
            authenticating = self.authenticate(name, password)
            self.clock.advance(PAUSE - 0.001)
            self.assertNoResult(authenticating)
            self.clock.advance(0.002)
            self.assertRefused(authenticating)

    def test_nothingShown(self) -> None:
        """
        A login without credentials receives the same answer at once, and does not count as an
        attempt.
        """
        for _ in range(10):
            self.assertRefused(self.authenticate("Mina"))
        self.successResultOf(self.authenticate("Mina", "secret"))

    def test_anonymous(self) -> None:
        """
        If anonymous access is allowed, any name except that of a user is admitted.
        """
        self.authenticator = self.authenticatorOf(self.checker, AllowAnonymousAccess())
        self.assertIsNone(self.successResultOf(self.authenticate("Bob")).name)
        self.assertRefused(self.authenticate("Mina"))
        self.assertRefused(self.authenticate("MINA"))

    def test_fewTries(self) -> None:
        """
        After three failures within a minute the next login is refused at once, right or wrong,
        with the time at which the first failure is a minute old. Logins from elsewhere are not
        affected.
        """
        for _ in range(3):
            self.failOnce()
        for password in ("secret", "wrong"):
            self.assertBusy(self.authenticate("Mina", password), 59)
        elsewhere = self.authenticate("Mina", "secret", IPv4Address("TCP", "192.0.2.2", 1))
        self.assertEqual(self.successResultOf(elsewhere).name, "Mina")
        self.clock.advance(MINUTE - 3 * PAUSE - 0.1)
        self.assertBusy(self.authenticate("Mina", "secret"), 1)
        self.clock.advance(0.1)
        self.assertEqual(self.successResultOf(self.authenticate("Mina", "secret")).name, "Mina")
        self.clock.pump([MINUTE] * 3)
        self.assertNothingLeft()

    def test_oneNetwork(self) -> None:
        """
        A /64 of IPv6 has as many attempts as a single address, and so has this machine.
        """
        for number in range(3):
            authenticating = self.authenticate(
                "Mina", "wrong", IPv6Address("TCP", f"2001:db8::{number}", 1)
            )
            local = self.authenticate("Mina", "wrong", IPv4Address("TCP", "127.0.0.1", number))
            self.clock.advance(PAUSE)
            self.assertRefused(authenticating)
            self.assertRefused(local)
        for address in (IPv6Address("TCP", "2001:db8::9", 1), IPv4Address("TCP", "127.0.0.1", 9)):
            self.assertBusy(self.authenticate("Mina", "secret", address), 59)

    def test_allAtOnce(self) -> None:
        """
        Simultaneous attempts are limited too: three may be in progress. Successful ones make room
        for others.
        """
        asked = self.slowly(joinTimeout=30.0).asked
        authenticating = [self.authenticate("Mina", str(number)) for number in range(6)]
        self.assertEqual(len(asked), 3)
        asked[0].callback(b"Mina")
        self.clock.advance(0)
        self.assertEqual(len(asked), 4)
        for each in asked[1:4]:
            each.errback(UnauthorizedLogin())
        self.clock.advance(PAUSE)
        for refused in authenticating[1:4]:
            self.assertRefused(refused)
        self.assertEqual(len(asked), 4)
        for waiting in authenticating[4:]:
            self.assertBusy(waiting, MINUTE)

    def test_queueFull(self) -> None:
        """
        One network may use only as many of the places for waiting and active logins as it leaves
        to others, so one place remains. A login that finds no place is refused at once.
        """
        asked = self.slowly(maxFailures=2).asked
        mine = [self.authenticate("Mina", "secret") for _ in range(LOGINS // 2 + 1)]
        self.assertBusy(mine.pop(), RETRY)
        for number in range(LOGINS // 2 - 1):
            self.authenticate("Mina", "secret", IPv4Address("TCP", f"198.51.100.{number}", 1))
        self.assertEqual(len(asked), 2 + LOGINS // 2 - 1)
        last = IPv4Address("TCP", "203.0.113.1", 1)
        authenticating = self.authenticate("Mina", "secret", last)
        self.assertNoResult(authenticating)
        self.assertBusy(
            self.authenticate("Mina", "secret", IPv4Address("TCP", "203.0.113.2", 1)), RETRY
        )
        for each in reversed([*mine, authenticating]):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        for check in asked:
            if not check.called:
                check.callback(b"Mina")
        self.clock.pump([MINUTE] * 2)
        self.assertNothingLeft()

    def test_patience(self) -> None:
        """
        A login takes no longer than the join timeout, including its wait, and no longer than a
        client waits.
        """
        self.slowly(maxFailures=1)
        authenticating = [self.authenticate("Mina", "secret") for _ in range(2)]
        self.clock.advance(DEFAULTS.joinTimeout)
        for each in authenticating:
            self.assertBusy(each, RETRY)
        self.slowly(joinTimeout=300.0)
        authenticating = [self.authenticate("Mina", "secret")]
        self.clock.advance(LONGEST)
        self.assertBusy(authenticating[0], RETRY)
        self.assertGreater(WELCOME, LONGEST + PAUSE)

    def test_gone(self) -> None:
        """
        If a client disconnects before its turn, its login is not checked. A check in progress is
        cancelled and counts as a failure, because its result is unknown.
        """
        slow = self.slowly()
        authenticating = [self.authenticate("Mina", "secret") for _ in range(5)]
        for each in reversed(authenticating):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.assertEqual((len(slow.asked), slow.cancelled), (3, 3))
        self.assertBusy(self.authenticate("Mina", "secret"), MINUTE)
        self.clock.pump([MINUTE] * 2)
        self.assertNothingLeft()

    def test_goneBefore(self) -> None:
        """
        A checker can report that its work had not begun, and then the cancellation is not a
        failure.
        """
        slow = self.slowly()
        slow.began = False
        for _ in range(10):
            authenticating = self.authenticate("Mina", "secret")
            authenticating.cancel()
            self.failureResultOf(authenticating, NotChecked)
            self.clock.advance(0)
        self.assertEqual(slow.cancelled, 10)
        self.assertNothingLeft()

    def test_slowChecker(self) -> None:
        """
        A checker that does not answer in time is not the client's fault, and is not counted as a
        failure.
        """
        slow = self.slowly()
        for _ in range(5):
            authenticating = self.authenticate("Mina", "secret")
            self.clock.advance(DEFAULTS.joinTimeout)
            self.assertBusy(authenticating, RETRY)
        self.assertEqual(slow.cancelled, 5)
        self.assertNothingLeft()

    def test_somebodyElse(self) -> None:
        """
        Credentials are valid only for the name of their own user.
        """
        self.slowly()
        authenticating = self.authenticate("Mina", "secret")
        self.checker.asked[0].callback(b"Ada")
        self.clock.advance(PAUSE)
        self.assertRefused(authenticating)

    def test_tokens(self) -> None:
        """
        A signed token cannot be guessed, so failures at its address do not block it, and bad
        tokens block no other login.
        """
        self.authenticator = self.authenticatorOf(self.checker, Tokens(secret(SECRET)))
        for _ in range(3):
            self.failOnce()
        token = jwt.encode({"sub": "Mina", "exp": time.time() + 600}, SECRET, "HS256")
        self.assertEqual(self.successResultOf(self.authenticate("Mina", token=token)).name, "Mina")
        bad = [self.authenticate("Mina", token=f"{token}x") for _ in range(12)]
        self.clock.advance(PAUSE)
        for each in bad:
            self.assertRefused(each)
        self.clock.advance(MINUTE)
        for _ in range(12):
            self.authenticate("Mina", token="rubbish").addErrback(lambda failure: None)
        self.assertEqual(self.successResultOf(self.authenticate("Mina", "secret")).name, "Mina")
        self.assertEqual(self.successResultOf(self.authenticate("Mina", token=token)).name, "Mina")

    def test_guessableTokens(self) -> None:
        """
        Tokens are counted if their checker does not declare that they cannot be guessed.
        """
        self.checker = SlowChecker(IToken)
        self.authenticator = self.authenticatorOf(self.checker)
        for _ in range(3):
            authenticating = self.authenticate("Mina", token="1234")
            self.checker.asked[-1].errback(UnauthorizedLogin())
            self.clock.advance(PAUSE)
            self.assertRefused(authenticating)
        self.assertBusy(self.authenticate("Mina", token="1235"), 59)

    def test_identified(self) -> None:
        """
        A connection that has been authenticated renews its credentials regardless of failures at
        its address. Its own failures are counted by user, from any address.
        """
        for _ in range(3):
            self.failOnce()
        self.assertEqual(
            self.successResultOf(self.authenticate("Mina", "secret", user="mina")).name, "Mina"
        )
        self.clock.advance(MINUTE)
        for number in range(3):
            self.failOnce(user="mina", address=IPv4Address("TCP", f"192.0.2.{number}", 1))
        self.assertBusy(self.authenticate("Mina", "secret", user="mina"), 59)
        self.successResultOf(self.authenticate("Ada", "other", user="ada"))
        self.successResultOf(self.authenticate("Mina", "secret"))

    def test_identifiedForGood(self) -> None:
        """
        A connection that has been authenticated cannot become anonymous, neither without
        credentials nor with anonymous credentials.
        """
        self.authenticator = self.authenticatorOf(self.checker, AllowAnonymousAccess())
        self.assertRefused(self.authenticate("Bob", user="bob"))
        self.assertIsNone(self.successResultOf(self.authenticate("Bob")).name)
        self.checker = SlowChecker()
        portal = Portal(Realm(), [self.checker])
        self.authenticator = Authenticator(self.clock, DEFAULTS, portal, Logbook(self.clock))
        authenticating = self.authenticate("Mina", "secret", user="mina")
        self.checker.asked[0].callback(b"anybody")
        self.clock.advance(PAUSE)
        self.assertRefused(authenticating)

    def test_log(self) -> None:
        """
        A failure is logged with its reason in one line, with any control characters of the checker
        escaped, and so is a login that was cancelled during its check.
        """
        told: list[str] = []

        def observe(event: Any) -> None:
            if event["log_namespace"].startswith("machat.logbook"):
                told.append(formatEvent(event))

        globalLogPublisher.addObserver(cast(ILogObserver, observe))
        self.addCleanup(globalLogPublisher.removeObserver, cast(ILogObserver, observe))
        slow = self.slowly()
        authenticating = [self.authenticate("Mina", "secret") for _ in range(2)]
        slow.asked[0].errback(UnauthorizedLogin("bad\n\x1b[31m"))
        authenticating[1].cancel()
        self.failureResultOf(authenticating[1], CancelledError)
        self.clock.advance(PAUSE)
        self.assertRefused(authenticating[0])
        self.assertEqual(
            told,
            [
                "login of 192.0.2.1:50000 as Mina failed: bad\\x0a\\x1b[31m",
                "login of 192.0.2.1:50000 as Mina failed: disconnected before the answer",
            ],
        )
