"""
The buffer for a hello that arrives in pieces.
"""

from __future__ import annotations

from machat import wire
from machat.errors import BAD_HELLO, ChatError


class HelloBuffer:
    """
    Collects the bytes of a client until the hello object is complete.
    """

    __slots__ = ("_limit", "_data")

    def __init__(self, limit: int) -> None:
        """
        @param limit: the maximum length of the object, bytes
        """
        self._limit = limit
        self._data = b""

    def receive(self, data: bytes) -> tuple[bytes, bytes] | None:
        """
        Add bytes.

        @return: the object and the bytes after it, or C{None} while the object is incomplete
        @raise ChatError: C{bad-hello}: the bytes are not a hello, or it is too long
        """
        first = not self._data
        self._data += data
        split = wire.splitHello(self._data) if first or wire.mayEnd(data) else None
        if len(self._data) - (len(split[1]) if split else 0) > self._limit:
            raise ChatError(BAD_HELLO, f"the hello is longer than {self._limit} bytes")
        return split
