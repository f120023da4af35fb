"""
One client's conversation, whatever its transport: first a hello, then lines.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import cast

from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import wire
from machat.errors import (
    BAD_HELLO,
    BAD_REQUEST,
    ENDS,
    HELLO_TIMEOUT,
    TOO_LONG,
    ChatError,
    Disconnect,
)
from machat.events import Hello, Joined
from machat.interfaces import IChatMember, IChatRoom, IConnection, IDialect


class State(IntEnum):
    """
    Where a conversation is. It only goes forward.
    """

    HELLO = 0
    JOINING = 1
    JOINED = 2
    ENDED = 3


@implementer(IChatMember)
class Session:
    """
    A member of the chat with a connection. It lives from the connection's first moment until
    L{connectionLost}.
    """

    __slots__ = (
        "name",
        "dialect",
        "deliver",
        "_chat",
        "_connection",
        "_state",
        "_room",
        "_timer",
        "_early",
    )
    _log = Logger()

    def __init__(
        self,
        chat: IChatRoom,
        connection: IConnection,
        dialect: IDialect,
        deliver: Callable[[bytes], None],
    ) -> None:
        """
        @param deliver: takes a batch that C{dialect} encoded; called between joining and the end
        """
        self.name = ""
        self.dialect = dialect
        self.deliver = deliver
        self._chat = chat
        self._connection = connection
        self._state = State.HELLO
        self._room = ""
        self._early = b""
        self._timer = chat.clock.callLater(chat.limits.joining, self._expire)
        chat.opened(self)

    @property
    def awaitsHello(self) -> bool:
        """
        Whether L{helloReceived} takes what comes next, or L{received}.
        """
        return self._state is State.HELLO

    def helloReceived(self, data: bytes) -> bytes | None:
        """
        Take bytes of the hello, which may come in pieces.

        @return: what came behind the hello, or C{None} while it is not complete
        """
        self._early += data
        try:
            split = wire.splitHello(self._early)
            if len(self._early) - (len(split[1]) if split else 0) > self._chat.limits.hello:
                raise ChatError(BAD_HELLO, f"longer than {self._chat.limits.hello} bytes")
        except ChatError as error:
            self._early = b""
            self.refuse(error)
            return b""
        if split is None:
            return None
        self._early = b""
        self._join(split[0])
        return split[1]

    def _join(self, hello: Hello) -> None:
        self.name = hello.name
        self._state = State.JOINING
        self._chat.join(self, hello.room).addCallbacks(self._joined, self._notJoined)
        if self._state is State.JOINING:
            self._connection.pauseReading()

    def _joined(self, joined: Joined) -> None:
        if self._state is State.ENDED:  # gone while it waited
            self._chat.leave(self, joined.room)
            return
        self._state = State.JOINED
        self._room = joined.room
        self.name = joined.name
        self._timer.cancel()
        self._log.info(
            "{name} joins {room} from {peer}",
            name=self.name,
            room=self._room,
            peer=self._peer(),
        )
        if self._early:
            early, self._early = self._early, b""
            self.received(early[:-1])
        self._connection.resumeReading()

    def _notJoined(self, failure: Failure) -> None:
        if failure.check(ChatError):
            self.refuse(cast(ChatError, failure.value))
        else:
            self._log.failure("a join failed", failure)
            self._end(BAD_REQUEST)

    def received(self, lines: bytes) -> None:
        """
        Take one or more lines, whole but for the last newline. Ignored after the end.
        """
        _RECEIVED[self._state](self, lines)

    def _wait(self, lines: bytes) -> None:
        self._early += lines + b"\n"

    def _say(self, lines: bytes) -> None:
        for line in lines.split(b"\n"):
            try:
                self._chat.say(self, self._room, wire.decodeLine(line, self._chat.limits.line))
            except ChatError as error:
                self.refuse(error)
                if self._state is State.ENDED:
                    return

    def _ignore(self, lines: bytes) -> None:
        pass

    def refuse(self, error: ChatError) -> None:
        """
        Tell the client what was not done. Who has not joined yet is hung up on as well, and so is
        who does not keep to the length of a line.
        """
        if self._tell(error) and (self._state is not State.JOINED or error.code == TOO_LONG):
            self._end(ENDS.get(error.code, BAD_REQUEST))

    def fail(self, error: ChatError) -> None:
        """
        Tell the client what was wrong, when it is the transport that closes the connection.
        """
        if self._tell(error):
            self._leave()

    def disconnected(self, end: Disconnect) -> None:
        if self._state is not State.ENDED:
            self._connection.write(self.dialect.farewell(end))
            self._end(end)

    def slow(self, waiting: int) -> None:
        """
        The outbox gave the connection up.

        @param waiting: the bytes that the client did not take
        """
        self._log.warn(
            "slow consumer {name} in {room} from {peer}: {waiting} bytes waiting",
            name=self.name,
            room=self._room,
            peer=self._peer(),
            waiting=waiting,
        )
        self._leave()

    def connectionLost(self) -> None:
        """
        The connection is gone.
        """
        self._leave()
        self._chat.closed(self)

    def _expire(self) -> None:
        self.refuse(ChatError(HELLO_TIMEOUT, f"not joined within {self._chat.limits.joining:g} s"))

    def _tell(self, error: ChatError) -> bool:
        if self._state is State.ENDED:
            return False
        self._log.info(
            "refused {peer}: {code} {text}",
            peer=self._peer(),
            code=error.code,
            text=error.text,
        )
        self._connection.write(self.dialect.refusal(error))
        return True

    def _peer(self) -> str:
        address = self._connection.peerAddress()
        return f"{address.host}:{address.port}" if hasattr(address, "host") else "unix"

    def _end(self, end: Disconnect) -> None:
        self._leave()
        self._connection.hangUp(end)

    def _leave(self) -> None:
        before, self._state = self._state, State.ENDED
        self._early = b""
        if self._timer.active():
            self._timer.cancel()
        if before is State.JOINED:
            self._log.info("{name} leaves {room}", name=self.name, room=self._room)
            self._chat.leave(self, self._room)


#: What is done with lines in each L{State}; the hello comes by a way of its own.
_RECEIVED: tuple[Callable[[Session, bytes], None], ...] = (
    Session._ignore,
    Session._wait,
    Session._say,
    Session._ignore,
)
