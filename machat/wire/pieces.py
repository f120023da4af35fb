"""
Output that is made while the peer takes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from machat.events import Message

#: What is made at once, characters or bytes.
PIECE = 16_384

#: What a message weighs without its text, about, on CPython 3.11.
_MESSAGE_BYTES = 128


class Pieces:
    """
    An iterator of bytes that says what it keeps in memory until they are made.

    @ivar own: the bytes that it keeps alone, until its end
    @ivar texts: the texts that it still keeps. Others may keep the same ones
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
    Bytes that are made already, in slices.
    """

    def __init__(self, data: bytes) -> None:
        slices = (data[start : start + PIECE] for start in range(0, len(data), PIECE))
        super().__init__(slices, len(data))


class Encoded(Pieces):
    """
    Messages that are encoded as they are taken.
    """

    def __init__(
        self, messages: Sequence[Message], encode: Callable[[Sequence[Message]], bytes]
    ) -> None:
        """
        @param encode: of the dialect
        """
        super().__init__(iter(()), _MESSAGE_BYTES * len(messages))
        self.texts.extend([message.text for message in messages])
        self._messages = deque(messages)
        self._encode = encode

    def __next__(self) -> bytes:
        piece: list[Message] = []
        size = 0
        while self._messages and size <= PIECE:
            piece.append(self._messages.popleft())
            size += len(self.texts.popleft())
        if not piece:
            raise StopIteration
        return self._encode(piece)
