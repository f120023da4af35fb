"""
Tests for L{machat.client}, without sockets: failed connections.
"""

from __future__ import annotations

from typing import Any, cast

from OpenSSL.SSL import Error as TLSError
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.client import ChatClient, Ended, Failed
from machat.commands import Auth
from machat.events import Event
from tests.client.clients import ClientTestCase


class FailedTests(SynchronousTestCase):
    """
    Connection attempts that fail.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[Event] = []
        self.answer: bytes | None = b""
        self.failure: Exception | None = None
        self.attempts = 0
        self.lost: Exception = ConnectionDone()
        self.client = ChatClient(self.clock, cast(Any, self), "Mina", self.told.append)

    def connect(self, factory: Any) -> Deferred[Any]:
        """
        Act as an endpoint: connect to a server that sends an answer and closes, or fail.
        """
        self.attempts += 1
        if self.failure is not None:
            return fail(self.failure)
        protocol = factory.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        transport.abortConnection = (  # type: ignore[method-assign]
            lambda: protocol.connectionLost(Failure(ConnectionAborted()))
        )
        if self.answer is not None:
            self.clock.callLater(0, self.respond, protocol, self.answer)
        return succeed(protocol)

    def respond(self, protocol: Any, answer: bytes) -> None:
        """
        Send the answer, and close.
        """
        if answer:
            protocol.dataReceived(answer)
        if self.clock.getDelayedCalls() and not answer:
            protocol.connectionLost(Failure(self.lost))

    def fails(self, seconds: int) -> list[Failed]:
        """
        @return: the events that were reported in this time
        """
        self.client.startService()
        self.clock.pump([0.5] * seconds * 2)
        return [event for event in self.told if isinstance(event, Failed)]

    def test_refused(self) -> None:
        """
        Each failed attempt is reported, and followed by the next one.
        """
        self.failure = ConnectionRefusedError()
        joined = self.client.join("dev")
        failed = self.fails(60)
        self.assertGreater(len(failed), 2)
        self.assertEqual(len(failed), self.attempts)
        self.assertEqual({(each.code, each.retry) for each in failed}, {("unreachable", True)})
        self.assertEqual(self.told, failed)
        self.assertNoResult(joined)

    def test_certificate(self) -> None:
        """
        An error that another attempt cannot fix ends the client, and its Deferreds fail with the
        reason.
        """
        joined = self.client.join("dev")
        self.lost = TLSError([("", "", "certificate verify failed")])
        (failed,) = self.fails(60)
        self.assertEqual((failed.code, failed.retry, self.attempts), ("certificate", False, 1))
        ended = self.failureResultOf(joined, Ended)
        self.assertEqual(str(ended.value), failed.text)
        self.failureResultOf(self.client.say("dev", "x"), Ended)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_foreign(self) -> None:
        """
        A server that is not a chat server ends the client too.
        """
        self.answer = b"220 mail.example.org ESMTP\r\n250 HELP\r\n"
        (failed,) = self.fails(60)
        self.assertEqual((failed.code, failed.retry, self.attempts), ("foreign", False, 1))
        self.assertIn("220 mail.example.org", failed.text)

    def test_silent(self) -> None:
        """
        After a connection to a silent server, the client tries again.
        """
        self.answer = None
        failed = self.fails(100)
        self.assertEqual({(each.code, each.retry) for each in failed}, {("silent", True)})
        self.assertGreater(self.attempts, 1)

    def test_unknownBeforeWelcome(self) -> None:
        """
        An unknown object before the welcome is ignored.
        """
        self.answer = b'{"type": "novelty"}\n'
        failed = self.fails(40)
        self.assertEqual([each.code for each in failed], ["silent"])

    def test_credentials(self) -> None:
        """
        Credentials that cannot be read are reported.
        """
        self.answer = None

        def unreadable() -> Auth:
            raise OSError("no such file\x1b")

        self.client = ChatClient(
            self.clock, cast(Any, self), "Mina", self.told.append, credentials=unreadable
        )
        failed = self.fails(3)
        self.assertEqual({(each.code, each.retry) for each in failed}, {("credentials", True)})
        self.assertEqual(failed[0].text, "the credentials cannot be read: no such file")
        self.assertTrue(self.flushLoggedErrors(OSError))

    def test_stoppedByListener(self) -> None:
        """
        A listener may stop the client when a failure is reported.
        """
        stopped: list[Deferred[None]] = []

        def stop(event: Event) -> None:
            stopped.append(self.client.stopService())

        for failure, lost in (
            (ConnectionRefusedError(), self.lost),
            (None, ConnectionDone()),
            (None, TLSError([("", "", "certificate verify failed")])),
        ):
            self.setUp()
            self.failure, self.lost = failure, lost
            self.client = ChatClient(self.clock, cast(Any, self), "Mina", stop)
            self.fails(60)
            self.assertEqual((self.attempts, len(stopped)), (1, 1), failure)
            self.successResultOf(stopped.pop())
            self.assertEqual(self.clock.getDelayedCalls(), [])


class LaterFailureTests(ClientTestCase):
    def test_laterFinal(self) -> None:
        """
        After the first welcome, no failed attempt ends the client.
        """
        failure = TLSError([("", "", "certificate verify failed")])
        broken = self.patch(self.chat.endpoint, "connect", lambda factory: fail(failure))
        self.chat.endpoint.cut()
        self.settle(40)
        failed = self.heard(Failed)
        self.assertEqual({(each.code, each.retry) for each in failed}, {("certificate", True)})
        broken.restore()
        self.settle(31)
        self.assertTrue(self.mina.connected)
