"""
Standard input and standard error of the command C{machat}.
"""

from __future__ import annotations

import os
import select
from array import array
from collections import deque
from fcntl import ioctl
from math import ceil
from termios import FIONREAD


def tell(text: str) -> None:
    """
    Write a line to standard error, which may be the same file as standard output, and not block.
    """
    data = f"machat: {text}\n".encode(errors="replace")
    while data:
        try:
            data = data[os.write(2, data) :]
        except BlockingIOError:
            select.select([], [2], [])
        except OSError:
            return  # nobody reads it


def plural(count: int) -> str:
    """
    @return: so many lines were
    """
    return "1 line was" if count == 1 else f"{count} lines were"


def unread() -> int:
    """
    @return: how many bytes of standard input are known to be left: all of a file, what is in a pipe
    """
    size = array("i", [0])
    try:
        ioctl(0, FIONREAD, size)
    except OSError:
        return 0
    return max(0, size[0])


class Input:
    """
    Standard input, line by line.

    @ivar lines: those that were read and not taken
    @ivar held: their size, and that of a line that has not ended yet, bytes
    @ivar number: how many were taken
    @ivar ended: whether there are no others
    """

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self.held = 0
        self.number = 0
        self.ended = False
        self._rest = b""
        self._size = 0
        self._count = 0

    def received(self, data: bytes, longest: int) -> None:
        """
        @param longest: of what is longer than this a piece is kept that is longer by one byte
        """
        self._size += len(data)
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[: longest + 1]
        self.held += len(data) - (len(rest) - len(self._rest))
        self._count += len(lines)
        self.lines += lines

    def end(self) -> None:
        """
        Nothing comes any more: a last line needs no newline.
        """
        self.ended = True
        if self._rest:
            self.lines.append(self._rest)
            self._rest = b""

    def take(self) -> bytes:
        """
        @return: the next line
        """
        self.number += 1
        line = self.lines.popleft()
        self.held -= len(line) + 1
        return line

    def left(self) -> int:
        """
        @return: about how many lines are left, as far as that is known
        """
        if self.ended or not self._count:
            return len(self.lines)
        return len(self.lines) + ceil(unread() * self._count / self._size)
