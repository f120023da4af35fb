"""
The last lines that a terminal has shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from machat.cli.display import Line

#: The maximum number of lines, and of characters in them.
MAX_LINES = 2_000
MAX_SIZE = 4_194_304


class Scrollback:
    """
    The last lines. The content of a message that is removed later is removed here too.

    @ivar total: the number of lines that were added
    """

    def __init__(self) -> None:
        self.total = 0
        self._lines: deque[Line] = deque()
        self._size = 0

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def add(self, line: Line) -> None:
        """
        Add a line.
        """
        if line.removes:
            self._remove(line)
        self.total += 1
        self._lines.append(line)
        self._size += _length(line)
        while len(self._lines) > MAX_LINES or self._size > MAX_SIZE:
            self._size -= _length(self._lines.popleft())

    def prepend(self, lines: Sequence[Line]) -> int:
        """
        Add older lines, as many of the last ones as there is space for.

        @return: their number
        """
        count = 0
        for line in reversed(lines):
            size = self._size + _length(line)
            if len(self._lines) >= MAX_LINES or size > MAX_SIZE:
                break
            self._lines.appendleft(line)
            self._size = size
            count += 1
        return count

    def first(self, room: str) -> int | None:
        """
        @param room: the key of a room
        @return: the number of its first message; C{None} if there is none
        """
        for line in self._lines:
            if line.sender is not None and line.target is not None and line.target[0] == room:
                return line.target[1]
        return None

    def _remove(self, removal: Line) -> None:
        for index, line in enumerate(self._lines):
            if line.target is None or removal.target is None:
                continue
            if line.target == removal.target:
                self._put(index, _removed(line))
            elif line.target[0] == removal.target[0] and line.quote is not None:
                number = f"#{removal.target[1]}"
                if line.quote.split(" ")[0] == number:
                    self._put(index, line._replace(quote=number))

    def _put(self, index: int, line: Line) -> None:
        self._size += _length(line) - _length(self._lines[index])
        self._lines[index] = line


def _removed(line: Line) -> Line:
    if line.sender is None:
        return line._replace(text="(removed)")
    return line._replace(text="", mark="(removed)", reactions="")


def _length(line: Line) -> int:
    return len(line.text) + len(line.mark) + len(line.reactions) + len(line.quote or "")
