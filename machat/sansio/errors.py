"""
The failures of a client's requests that the client itself detects. Each is a L{ChatError} with a
code of its own, which no server sends for the same reason.
"""

from __future__ import annotations

from machat.errors import UNKNOWN, ChatError

#: The codes that only a client uses.
ENDED = "ended"
LOST = "lost"
TOO_MUCH = "too-much"


class ClientError(ChatError):
    """
    A failure that the client detects. C{str} returns the text.
    """

    code = ENDED

    def __init__(self, text: str) -> None:
        super().__init__(type(self).code, text)

    def __str__(self) -> str:
        return self.text


class Ended(ClientError):
    """
    The client was stopped, was asked not to reconnect, or cannot connect. The text is the reason.
    """


class NotConnected(ClientError):
    """
    A request was not answered, because there is no connection, or it was lost before the answer.
    The text is the reason.
    """

    code = LOST


class TooMuch(ClientError):
    """
    Too many messages are not acknowledged. The message was not queued.
    """

    code = TOO_MUCH


class Unknown(ClientError):
    """
    The message may have been published, or not. It was sent so long ago that the server may not
    recognize it if it is resent: the connection was lost, or the server answered C{unknown} each
    time.
    """

    code = UNKNOWN
