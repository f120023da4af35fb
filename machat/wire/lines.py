"""
Lines of text.
"""

from __future__ import annotations

from machat.errors import BAD_ENCODING, TOO_LONG, ChatError


def isText(data: bytes | str) -> bool:
    """
    @return: whether bytes can be decoded as UTF-8, or a string encoded
    """
    if data.isascii():
        return True
    try:
        data.decode() if isinstance(data, bytes) else data.encode()
    except UnicodeError:
        return False
    return True


def skipNewline(data: bytes) -> bytes | None:
    """
    Take off the one newline that may stand behind the hello.

    @return: what follows, or C{None} while that cannot be told yet
    """
    if data in (b"", b"\r"):
        return None
    if data.startswith(b"\r\n"):
        return data[2:]
    return data[1:] if data.startswith(b"\n") else data


def decodeLine(line: bytes, limit: int) -> str:
    """
    @param line: a line without its newline; a carriage return at its end is taken off
    @param limit: the longest line, bytes
    @raise ChatError: C{too-long} or C{bad-encoding}
    """
    if line.endswith(b"\r"):
        line = line[:-1]
    if len(line) > limit:
        raise ChatError(TOO_LONG, f"a line has at most {limit} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ChatError(BAD_ENCODING, "that line is not UTF-8 and was not sent") from None
