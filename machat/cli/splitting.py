"""
Splits a long text into messages that a server accepts.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from machat.entries import LINES

#: The space for the other fields of a command, bytes.
OVERHEAD = 1_024


def split(text: str, longest: int) -> Iterator[str]:
    """
    @param text: lines that are separated by newlines
    @param longest: the maximum length of a command, bytes
    @return: the text as one message, or as several if it is too long for one. Only a newline
        separates two messages, so that a line that is too long is a message by itself
    """
    lines: list[str] = []
    size = OVERHEAD
    for line in text.split("\n"):
        length = len(msgspec.json.encode(line))
        if lines and (len(lines) == LINES or size + length > longest):
            yield "\n".join(lines)
            lines, size = [], OVERHEAD
        lines.append(line)
        size += length
    yield "\n".join(lines)
