"""
Output that is encoded piece by piece while the peer reads it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from machat.entries import Entry, extraOf, lengthOf

#: The size of one piece, characters or bytes.
PIECE = 16_384

#: The approximate memory for a message without its text on CPython 3.11, bytes.
_MESSAGE_BYTES = 128


class Pieces:
    """
    An iterator of bytes that reports the memory it uses until they are encoded.

    @ivar own: the memory that only this object uses, until its end, bytes
    @ivar texts: the message texts that it still references; other objects may share them
    """

    def __init__(self, made: Iterator[bytes], own: int = 0) -> None:
        self.own = own
        self.texts: deque[str] = deque()
        self._made = made

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._made)


class Slices(Pieces):
    """
    Bytes that are already encoded, in slices.
    """

    def __init__(self, data: bytes) -> None:
        slices = (data[start : start + PIECE] for start in range(0, len(data), PIECE))
        super().__init__(slices, len(data))


class Encoded(Pieces):
    """
    Messages that are encoded when they are written.
    """

    def __init__(
        self, messages: Sequence[Entry], encode: Callable[[Sequence[Entry]], bytes]
    ) -> None:
        """
        @param messages: the messages, in order
        @param encode: the C{encode} method of the dialect
        """
        own = _MESSAGE_BYTES * len(messages) + sum(map(extraOf, messages))
        super().__init__(iter(()), own)
        self.texts.extend([entry.text for entry in messages])
        self._messages = deque(messages)
        self._encode = encode

    def __next__(self) -> bytes:
        piece: list[Entry] = []
        size = 0
        while self._messages and size <= PIECE:
            entry = self._messages.popleft()
            self.texts.popleft()
            piece.append(entry)
            size += lengthOf(entry)
        if not piece:
            raise StopIteration
        return self._encode(piece)
