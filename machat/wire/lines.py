"""
The lines of the C{text} dialect.
"""

from __future__ import annotations

from machat.errors import BAD_ENCODING, TOO_LONG, ChatError


def isText(data: bytes | str) -> bool:
    """
    @return: whether bytes can be decoded as UTF-8, or a string can be encoded
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
    Remove the optional newline after the hello.

    @param data: the bytes after the hello object
    @return: the bytes after the newline, or C{None} while more bytes are needed to decide
    """
    if data in (b"", b"\r"):
        return None
    if data.startswith(b"\r\n"):
        return data[2:]
    return data[1:] if data.startswith(b"\n") else data


def decodeLine(line: bytes, limit: int) -> str:
    """
    @param line: a line without its newline; a carriage return at its end is removed
    @param limit: the maximum length of a line, bytes
    @return: the text
    @raise ChatError: C{too-long}; or C{bad-encoding} if the line is not UTF-8
    """
    if line.endswith(b"\r"):
        line = line[:-1]
    if len(line) > limit:
        raise ChatError(TOO_LONG, f"a line may have at most {limit} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ChatError(BAD_ENCODING, "the line is not UTF-8 and was not sent") from None
