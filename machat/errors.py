"""
The two ways in which the server rejects something, and their codes.

A L{ChatError} is a refusal: the client receives an error, and the requested action did not happen,
unless the code is C{unknown}.

A L{Disconnect} is the reason why the server closes a connection; the client receives it first. The
codes are part of the protocol: never rename one, and do not add one without need.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

BAD_HELLO = "bad-hello"
BAD_COMMAND = "bad-command"
BAD_NAME = "bad-name"
BAD_ROOM = "bad-room"
NAME_TAKEN = "name-taken"
NOT_ALLOWED = "not-allowed"
NOT_JOINED = "not-joined"
ALREADY_JOINED = "already-joined"
ROOM_FULL = "room-full"
ROOM_LOCKED = "room-locked"
TOO_MANY_ROOMS = "too-many-rooms"
TOO_MANY_CONNECTIONS = "too-many-connections"
TOO_LONG = "too-long"
BAD_ENCODING = "bad-encoding"
MUTED = "muted"
HELLO_TIMEOUT = "hello-timeout"
FAILED = "failed"
UNKNOWN = "unknown"
BAD_CREDENTIALS = "bad-credentials"
BUSY = "busy"
NO_SUCH_MESSAGE = "no-such-message"
TOO_MANY_REACTIONS = "too-many-reactions"
BAD_KEY = "bad-key"


class ChatError(Exception):
    """
    A refusal, with a text for the client.

    @ivar code: one of this module's constants
    @ivar text: one line for a person. It quotes client input only after validation
    @ivar id: the id of the refused command, if it has one
    @ivar retry: the number of seconds after which the client may try again, if known
    """

    def __init__(
        self, code: str, text: str, id: str | None = None, retry: float | None = None
    ) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.id = id
        self.retry = retry


class TooLong(ChatError):
    """
    A part of a command is too long. Other than after a line that is too long, the connection stays
    open.
    """

    def __init__(self, text: str) -> None:
        super().__init__(TOO_LONG, text)


class NotStored(ChatError):
    """
    A message or a change that is certainly not stored.
    """

    def __init__(self, text: str) -> None:
        super().__init__(FAILED, text)


class MaybeStored(ChatError):
    """
    A message or a change that may have been stored: the store did not answer in time. A client that
    sends a message again with the same id does not send it twice.
    """

    def __init__(self, text: str) -> None:
        super().__init__(UNKNOWN, text)


class Disconnect(Struct, frozen=True):
    """
    The reason why a connection ends.

    @ivar code: a WebSocket close code from the range for libraries, frameworks and applications
        (RFC 6455 section 7.4.2). Codes from 3000 to 3499 ask the client to reconnect, codes from
        3500 on ask it not to
    @ivar reason: one word for the client
    @ivar reconnect: whether the client should reconnect
    @ivar retry: the minimum number of seconds before it reconnects; C{None} if it may choose
    """

    code: int
    reason: str
    reconnect: bool
    retry: float | None = None


SHUTDOWN = Disconnect(3001, "shutdown", True, 1.0)
NOT_IN_TIME = Disconnect(3002, "join-timeout", True, 1.0)
TOO_MANY = Disconnect(3003, "too-many-connections", True, 15.0)
TOO_MANY_LOGINS = Disconnect(3004, "busy", True, 30.0)
EXPIRED = Disconnect(3005, "credentials-expired", True)
SERVER_FAULT = Disconnect(3006, "server-fault", True, 5.0)
SLOW = Disconnect(3008, "slow-consumer", True)
NAME_LOST = Disconnect(3010, "name-lost", True, 1.0)
NAME_SILENT = Disconnect(3011, "name-silent", True, 15.0)
NO_PONG = Disconnect(3012, "no-pong", True)
REJECTED = Disconnect(3500, "bad-credentials", False)
BAD_REQUEST = Disconnect(3501, "bad-request", False)
REMOVED = Disconnect(3503, "removed", False)
TAKEN = Disconnect(3520, "name-taken", False)
REPLACED = Disconnect(3521, "replaced", False)

_ENDS = {
    BAD_CREDENTIALS: REJECTED,
    NAME_TAKEN: TAKEN,
    HELLO_TIMEOUT: NOT_IN_TIME,
    TOO_MANY_CONNECTIONS: TOO_MANY,
    BUSY: TOO_MANY_LOGINS,
    FAILED: SERVER_FAULT,
    UNKNOWN: SERVER_FAULT,
}


def endOf(error: ChatError) -> Disconnect:
    """
    @return: the L{Disconnect} for a refusal that ends a connection before its first join
    """
    end = _ENDS.get(error.code, BAD_REQUEST)
    if error.retry is None:
        return end
    return replace(NAME_SILENT if end is TAKEN else end, retry=error.retry)
