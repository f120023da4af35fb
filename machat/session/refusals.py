"""
The refusals of one client: their number, and their log lines.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.addresses import describe, networkOf
from machat.errors import FAILED, UNKNOWN, ChatError
from machat.interfaces import IChatRoom

#: The number of refusals that are logged for one connection, and the number after which the
#: connection is closed.
LOGGED = 5
REFUSALS = 100

#: The codes of the server's own faults, which do not count as refusals of the connection.
SERVER_FAULTS = (FAILED, UNKNOWN)

_log = Logger()


def errorOf(failure: Failure) -> ChatError:
    """
    @return: the refusal of a command that has failed. An unexpected exception is logged, and
        refused with C{failed}
    """
    if not failure.check(ChatError):
        _log.failure("a command from a client raised an exception", failure)
        return ChatError(FAILED, "internal server error")
    return cast(ChatError, failure.value)


class Refusals:
    """
    Counts and logs the refusals of one client, and the first time that it exceeds its sending rate.
    A client that does neither has none of these objects.
    """

    __slots__ = ("_chat", "_count", "_logged", "_limited")

    def __init__(self, chat: IChatRoom) -> None:
        """
        @param chat: its metrics and its logbook are used
        """
        self._chat = chat
        self._count = 0
        self._logged = 0
        self._limited = False

    @property
    def tooMany(self) -> bool:
        """
        Whether the connection must be closed because of their number. The server's own faults do
        not count.
        """
        return self._count >= REFUSALS

    def count(self, error: ChatError, address: Any) -> None:
        """
        Count a refusal, and log it if it is one of the first.

        @param address: the client's address
        """
        self._count += error.code not in SERVER_FAULTS
        self._chat.metrics.refusals[error.code] += 1
        self._logged += 1
        if self._logged <= LOGGED:
            text = "refused {peer}: {code} {text}"
            self._note(address, text, code=error.code, text=error.text)

    def exceedsRate(self, name: str, address: Any) -> None:
        """
        Log the first time that the client exceeds its sending rate.
        """
        if not self._limited:
            self._limited = True
            self._note(
                address, "{name} from {peer} exceeds its sending rate (see --rate)", name=name
            )

    def _note(self, address: Any, format: str, **fields: object) -> None:
        self._chat.logbook.note(networkOf(address), format, peer=describe(address), **fields)
