"""
Recorded conversations with L{machat.client}.
"""

from __future__ import annotations

import json
from typing import Any, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.client import ChatClient, Ended, NotConnected, TooMuch, Unknown
from machat.commands import Auth
from machat.errors import ChatError
from machat.events import Event, Members
from tests.recorded import Conversation, altered, plain, recorded

#: The codes of the client's own errors.
CODES = {Ended: "ended", NotConnected: "lost", TooMuch: "too-much", Unknown: "unknown"}


class TwistedDriver:
    """
    A client of L{machat.client} on a connection in memory. It also acts as the endpoint.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.sent: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.results: dict[str, Any] = {}
        self.open = False
        self.refusing = False
        self._clock = Clock()
        self._connecting: list[tuple[Any, Deferred[Any]]] = []
        self._who: list[str] = []
        credentials = [Auth(**each) for each in options.get("credentials", ())]
        self._client = ChatClient(
            self._clock,
            cast(Any, self),
            "Mina",
            self._heard,
            credentials=lambda: credentials.pop(0) if credentials else Auth(),
        )

    def _heard(self, event: Event) -> None:
        if isinstance(event, Members) and self._who:
            self.results[self._who.pop(0)] = plain(event)
        else:
            self.events.append(plain(event))

    # The endpoint.

    @property
    def attempts(self) -> int:
        return len(self._connecting)

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.refusing:
            return fail(ConnectionRefusedError())
        done: Deferred[Any] = Deferred(lambda _: self._connecting.clear())
        self._connecting.append((factory, done))
        return done

    def opened(self) -> None:
        factory, done = self._connecting.pop()
        self._protocol = factory.buildProtocol(None)
        transport = self._transport = StringTransport()
        transport.abortConnection = lambda: self.lose(1006)  # type: ignore[method-assign]
        transport.loseConnection = lambda: self.lose(1000)  # type: ignore[method-assign]
        self.open = True
        self._protocol.makeConnection(transport)
        done.callback(self._protocol)

    def receive(self, line: bytes) -> None:
        self._protocol.dataReceived(line + b"\n")

    def lose(self, code: int) -> None:
        if self.open:
            self._read()
            self.open = False
            self._protocol.connectionLost(Failure(ConnectionDone()))

    def _read(self) -> None:
        if self.open:
            lines = self._transport.value().splitlines()
            self._transport.clear()
            self.sent += [json.loads(line) for line in lines]

    # The application.

    def do(self, name: str, command: str, fields: dict[str, Any]) -> None:
        result: Any = getattr(self, f"_do_{command}")(name, **fields)
        if isinstance(result, Deferred):
            result.addCallbacks(self._succeeded, self._failed, (name,), errbackArgs=(name,))

    def _succeeded(self, result: Any, name: str) -> None:
        self.results[name] = plain(result)

    def _failed(self, failure: Failure, name: str) -> None:
        error: Any = failure.value
        self.results[name] = error.code if isinstance(error, ChatError) else CODES[type(error)]

    def _do_open(self, name: str) -> None:
        self._client.startService()

    def _do_close(self, name: str) -> Deferred[Any]:
        return self._client.stopService() if self._client.running else succeed(None)

    def _do_join(
        self, name: str, room: str, history: int = 0, key: str | None = None
    ) -> Deferred[Any]:
        return self._client.join(room, history, key)

    def _do_leave(self, name: str, room: str) -> None:
        self._client.leave(room)

    def _do_say(self, name: str, room: str, text: str, **more: Any) -> Deferred[Any]:
        return self._client.say(room, text, **more)

    def _do_edit(self, name: str, **fields: Any) -> Deferred[Any]:
        return self._client.edit(**fields)

    def _do_redact(self, name: str, **fields: Any) -> Deferred[Any]:
        return self._client.redact(**fields)

    def _do_react(self, name: str, **fields: Any) -> Deferred[Any]:
        return self._client.react(**fields)

    def _do_direct(self, name: str, **fields: Any) -> Deferred[Any]:
        return self._client.direct(**fields)

    def _do_block(self, name: str, **fields: Any) -> Deferred[Any]:
        return self._client.block(**fields)

    def _do_markRead(self, name: str, **fields: Any) -> Deferred[Any]:
        return self._client.markRead(**fields)

    def _do_listRooms(self, name: str, **fields: Any) -> Deferred[Any]:
        return self._client.listRooms(**fields)

    def _do_typing(self, name: str, room: str) -> None:
        self._client.typing(room)

    def _do_history(self, name: str, room: str, **which: Any) -> Deferred[Any]:
        return self._client.history(room, **which)

    def _do_who(self, name: str, room: str) -> None:
        self._who.append(name)
        self._client.who(room)

    # Time.

    def advance(self, seconds: float) -> None:
        self._clock.pump([seconds, 0, 0])
        self._read()

    def timers(self) -> int:
        return len(self._clock.getDelayedCalls())


class RecordedTests(SynchronousTestCase):
    def test_recorded(self) -> None:
        """
        The client behaves as recorded.
        """
        titles = []
        for title, conversation in recorded("twisted", "tcp"):
            titles.append(title)
            driver = TwistedDriver(conversation.get("options", {}))
            try:
                Conversation(conversation, driver).run()
            except AssertionError as error:
                self.fail(f"{title}: {error}")
        self.assertGreater(len(titles), 50)

    def test_compared(self) -> None:
        """
        A conversation fails if an expectation is missing or different.
        """
        whole = next(each for title, each in recorded("twisted", "tcp") if "again" in title)
        changed = list(altered(whole))
        self.assertGreater(len(changed), 10)
        for conversation in changed:
            with self.assertRaises(AssertionError):
                Conversation(conversation, TwistedDriver({})).run()
