"""
The opening of a session: the hello of a client, and the time within which the client must join.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from machat import commands, names, wire
from machat.errors import HELLO_TIMEOUT, ChatError
from machat.interfaces import IChatRoom, IChatUser, ISessionTransport
from machat.session.interfaces import IOpeningSession
from machat.wire.hellobuffer import HelloBuffer


class Opening:
    """
    One client from its connection until it has joined. The session drops this object then.

    @ivar address: the address of the client, from its hello on. Twisted creates it anew for each
        C{getPeer}, and the log line of the join needs it again
    """

    __slots__ = ("address", "_session", "_chat", "_connection", "_buffer", "_deadline")

    def __init__(
        self, session: IOpeningSession, chat: IChatRoom, connection: ISessionTransport
    ) -> None:
        self.address: Any = None
        self._session = session
        self._chat = chat
        self._connection = connection
        self._buffer: HelloBuffer | None = None
        self._deadline = chat.clock.seconds() + chat.limits.joinTimeout

    def start(self, delay: float) -> None:
        """
        Start the time limit.

        @param delay: the time after which the client must have a place and have joined, seconds. If
            it has a place by then, it may take the rest of the join timeout
        """
        self._chat.deadlines.add(self, delay)

    @property
    def timeLeft(self) -> float:
        """
        The time that is left for the client to join, seconds.
        """
        return self._deadline - self._chat.clock.seconds()

    def requirePlace(self) -> None:
        """
        Refuse the client if there are too many connections, in total or from its address.
        """
        try:
            self._chat.admit(self._session, self._connection.peerAddress())
        except ChatError as error:
            self._session.refuse(error)

    def receive(self, data: bytes) -> bytes | None:
        """
        Take bytes of the hello, which may arrive in several parts.

        @return: the bytes after the hello, or C{None} while it is not complete
        """
        limit = self._chat.limits.hello
        split = wire.takeHello(data, limit) if self._buffer is None else None
        try:
            if split is None:
                buffer = self._buffer = self._buffer or HelloBuffer(limit)
                split = buffer.receive(data)
                if split is None:
                    return None
                self._buffer = None
            self._greet(split[0])
        except ChatError as error:
            self._session.refuse(error)
            return b""
        return split[1]

    def _greet(self, data: bytes) -> None:
        session = self._session
        if wire.hasVersion(data):
            session.speakEvents()
        self.address = self._connection.peerAddress()
        self._chat.admit(session, self.address)
        hello = wire.decodeHello(data, session.speaksEvents)
        session.name = names.checkName(hello.name)
        checking = session.authenticate(hello.password, hello.token)
        session.markGreeted()
        if checking is None:
            waiting = session.begin(hello)
        else:
            self.end()
            waiting = checking.addCallback(self._begin, hello)
        if waiting is not None:
            session.hold(waiting.addErrback(session.failed))

    def _begin(self, user: IChatUser, hello: commands.Hello) -> Deferred[Any] | None:
        if self not in self._chat.deadlines:  # the time of the authentication does not count
            limit = self._chat.limits.joinTimeout
            self._deadline = self._chat.clock.seconds() + limit
            self.start(limit)
        return self._session.begin(hello)

    def expire(self) -> None:
        """
        Refuse the client, unless it had no place at first, but has one now.
        """
        try:
            self._chat.admit(self._session, self._connection.peerAddress())
            left = self.timeLeft
            if left <= 0:
                limit = self._chat.limits.joinTimeout
                raise ChatError(HELLO_TIMEOUT, f"not joined within {limit:g} s")
        except ChatError as error:
            self._session.refuse(error)
        else:
            self.start(left)

    def end(self) -> None:
        """
        End the time limit.
        """
        self._chat.deadlines.discard(self)
