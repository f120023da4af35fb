"""
WebSocket frames (RFC 6455 section 5.2), as far as the server writes and quickly reads them.
"""

from __future__ import annotations

from machat.wire.lines import isText


def frame(payload: bytes) -> bytes:
    """
    @return: the payload as one final, unmasked text frame (RFC 6455 section 5.2)
    """
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


#: The largest frame that L{takeTextFrames} takes, bytes. Above it a masker in C is faster.
LARGEST_PLAIN = 4_096


def takeTextFrames(data: bytes, largest: int = LARGEST_PLAIN) -> tuple[list[bytes], bytes, bool]:
    """
    Take the whole text messages off the front of a WebSocket's byte stream, between messages, while
    they are plain: final, masked, without extension, valid UTF-8, and of at most C{largest} bytes
    (RFC 6455 section 5.2). It judges nothing: what is not plain stays where it is.

    @return: the messages; the bytes behind them; and whether those begin, as far as can be seen, a
        plain frame that is not yet whole
    """
    messages: list[bytes] = []
    start, size = 0, len(data)
    plain = True
    while size - start >= 6:
        length = data[start + 1] ^ 0x80
        begin = start + 6
        if length == 126 and size - start >= 8:
            length = data[start + 2] << 8 | data[start + 3]
            begin = start + 8
            plain = length > 125
        elif length > 126:  # a longer one, or not masked
            plain = False
        plain = plain and length <= largest and data[start] == 0x81
        end = begin + length
        if not plain or end > size:
            break
        message = _unmask(data[begin:end], data[begin - 4 : begin])
        if not (message.isascii() or isText(message)):
            plain = False
            break
        messages.append(message)
        start = end
    else:
        begun = data[start : start + 2]
        plain = begun in (b"", b"\x81") or (begun[0] == 0x81 and begun[-1] >= 0x80)
    return messages, data[start:] if start else data, plain


def _unmask(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
