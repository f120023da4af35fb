"""
Standard input, standard error and the password prompt of the commands.
"""

from __future__ import annotations

import os
import select
import warnings
from array import array
from collections import deque
from fcntl import ioctl
from getpass import GetPassWarning, getpass
from math import ceil
from termios import FIONREAD


def tell(text: str) -> None:
    """
    Write a whole line to standard error. This works even if standard error is non-blocking, as it
    may be if it is the same file as standard output.

    @param text: the text, which may be from a server: control characters are replaced by spaces
    """
    shown = "".join([c if c.isprintable() else " " for c in text])
    data = f"machat: {shown}\n".encode(errors="replace")
    while data:
        try:
            data = data[os.write(2, data) :]
        except BlockingIOError:
            select.select([], [2], [])
        except OSError:
            return  # standard error is closed


def plural(count: int) -> str:
    """
    @return: the subject of a sentence about lines
    """
    return "1 line was" if count == 1 else f"{count} lines were"


def unread() -> int:
    """
    @return: the known number of unread bytes of standard input: the rest of a file, or the content
        of a pipe
    """
    size = array("i", [0])
    try:
        ioctl(0, FIONREAD, size)
    except OSError:
        return 0
    return max(0, size[0])


def askPassword(prompt: str) -> str:
    """
    Ask for a password on the terminal, without echo.

    @raise OSError: there is no terminal, or its echo cannot be turned off
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            return getpass(prompt)
        except GetPassWarning:
            raise OSError("there is no terminal on which to ask for a password") from None


class Input:
    """
    Standard input, line by line.

    @ivar lines: the lines that were read and not taken
    @ivar held: the size of these lines and of an incomplete line, bytes
    @ivar number: the number of the last line taken, from 1
    @ivar ended: whether the input has ended
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
        Split data into lines.

        @param longest: the maximum length of a line, bytes. Of a longer line, C{longest + 1} bytes
            are kept
        """
        self._size += len(data)
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[: longest + 1]
        self.held += len(data) - (len(rest) - len(self._rest))
        self._count += len(lines)
        self.lines += lines

    def end(self) -> None:
        """
        Record the end of the input. The last line needs no newline.
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
        @return: an estimate of the number of lines that are left
        """
        if self.ended or not self._count:
            return len(self.lines)
        return len(self.lines) + ceil(unread() * self._count / self._size)
