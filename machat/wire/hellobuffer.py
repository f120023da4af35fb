"""
The beginning of a conversation, which may come in pieces.
"""

from __future__ import annotations

from machat import wire
from machat.errors import BAD_HELLO, ChatError


class HelloBuffer:
    """
    Takes the hello object off what a client sends.
    """

    __slots__ = ("_limit", "_data")

    def __init__(self, limit: int) -> None:
        """
        @param limit: the longest object, bytes
        """
        self._limit = limit
        self._data = b""

    def receive(self, data: bytes) -> tuple[bytes, bytes] | None:
        """
        @return: the object and the bytes behind it, or C{None} while the object is not complete
        @raise ChatError: C{bad-hello}: there cannot be one
        """
        first = not self._data
        self._data += data
        split = wire.splitHello(self._data) if first or wire.mayEnd(data) else None
        if len(self._data) - (len(split[1]) if split else 0) > self._limit:
            raise ChatError(BAD_HELLO, f"longer than {self._limit} bytes")
        return split
