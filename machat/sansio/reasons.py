"""
The reasons why a client cannot connect: codes and texts for errors.

A reason is final if further attempts cannot succeed until a person changes something.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from machat.errors import (
    BUSY,
    FAILED,
    HELLO_TIMEOUT,
    TOO_MANY_CONNECTIONS,
    UNKNOWN,
    ChatError,
)

#: The host name is unknown, the connection is refused, or there is no route to the host.
UNREACHABLE = "unreachable"

#: The server's certificate is not trusted, or is for another host.
CERTIFICATE = "certificate"

#: Any other TLS failure.
TLS = "tls"

#: An HTTP server refused to open a WebSocket.
HTTP = "http"

#: The peer is not a MaChat server.
FOREIGN = "foreign"

#: The server did not answer in time.
SILENT = "silent"

#: The server closed the connection without an answer.
CLOSED = "closed"

#: The credentials could not be read.
CREDENTIALS = "credentials"

#: The maximum length of a reason, characters.
LONGEST = 200

#: A refusal before the server knows the dialect of the client.
_EARLY = re.compile(rb"machat:error (?P<code>[a-z-]{1,40}) (?P<text>[^\n]*)\n?")

#: The codes of refusals that another attempt may not receive.
_PASSING = (BUSY, FAILED, HELLO_TIMEOUT, TOO_MANY_CONNECTIONS, UNKNOWN)

#: The 4xx status codes that another attempt may not receive (RFC 9110, RFC 8470, RFC 6585).
_TEMPORARY = (408, 425, 429)


class Reason(NamedTuple):
    """
    The reason why an attempt to connect failed.

    @ivar code: one of this module's constants
    @ivar text: one line for a person
    @ivar final: whether further attempts cannot succeed
    """

    code: str
    text: str
    final: bool = False


class Refused(Exception):
    """
    An HTTP server rejected the WebSocket handshake.

    @ivar status: the status code
    @ivar text: the reason phrase, and the first line of the body if that is plain text
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Foreign(Exception):
    """
    The peer does not use the protocol. The text describes what the peer does instead.
    """


class Closed(Exception):
    """
    The server closed a WebSocket.

    @ivar code: the close code
    @ivar text: the close reason
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def explain(error: Exception) -> Reason | None:
    """
    @param error: why a connection or an attempt to connect failed
    @return: the reason; C{None} if it is an error of a library
    """
    if isinstance(error, Refused):
        final = 300 <= error.status < 500 and error.status not in _TEMPORARY
        return Reason(HTTP, line(f"HTTP {error.status} {error.text}"), final)
    if isinstance(error, Foreign):
        return foreign(str(error))
    if isinstance(error, Closed):
        text = f"the server closed the connection: {error.code} {error.text}"
        return Reason(CLOSED, line(text), 3500 <= error.code < 4000)
    return None


def foreign(text: str) -> Reason:
    """
    @param text: what the peer does instead
    @return: the reason if the peer does not use the protocol
    """
    return Reason(FOREIGN, line(f"not a MaChat server: {text}"), True)


def refusedEarly(data: bytes) -> ChatError | None:
    """
    @param data: what the server sent before its welcome
    @return: the refusal, if it is one in the C{text} dialect: the server refused the client before
        it read the hello, and so did not know the client's dialect
    """
    match = _EARLY.fullmatch(data)
    if match is None:
        return None
    return ChatError(match["code"].decode(), line(match["text"].decode(errors="replace")))


def explainText(data: bytes) -> Reason:
    """
    @param data: what the server sent instead of its welcome
    @return: the reason why the connection fails
    """
    early = refusedEarly(data)
    if early is not None:
        text = line(f"the server refused the connection: {early.text}")
        return Reason(CLOSED, text, early.code not in _PASSING)
    text = data[:LONGEST].decode(errors="replace")
    return foreign(f"it sent {text!r}")


def line(text: str) -> str:
    """
    @return: the text as one line that is safe to print
    """
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST]).strip()
