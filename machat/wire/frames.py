"""
A fast path for WebSocket text frames (RFC 6455 section 5.2).
"""

from __future__ import annotations

from machat.wire.lines import isText

#: The header of a frame for each length of up to 125 bytes.
_HEADS = tuple([bytes((0x81, size)) for size in range(126)])


def frame(payload: bytes) -> bytes:
    """
    @return: the payload as one final, unmasked text frame (RFC 6455 section 5.2)
    """
    size = len(payload)
    if size < 126:
        return _HEADS[size] + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


#: The maximum payload of a frame that L{takeTextFrames} decodes, bytes. For larger ones, a masker
#: in C is faster.
LARGEST_PLAIN = 4_096


#: The size of the smallest masked frame with a length of two bytes.
_SHORT = 6 + 126

#: For each size of a masked frame: the bytes before its mask, or three bytes, which are never equal
#: to two, for sizes that are too small; and the factor that repeats a mask of 32 bits, so that it
#: covers itself and the payload, from the third byte on.
_MASKED = tuple([bytes((0x81, 0x80 + size - 6)) if size > 6 else b"---" for size in range(_SHORT)])
_REPEATING = tuple(
    [sum([1 << shift for shift in range(16, 8 * size, 32)]) for size in range(_SHORT)]
)

_number = int.from_bytes


def takeTextFrame(data: bytes, largest: int = LARGEST_PLAIN) -> bytes | None:
    """
    Decode a short plain frame that arrives alone, in a third of the time of L{takeTextFrames}.

    @param data: the bytes from the client, starting between two messages
    @param largest: the maximum payload of the frame, bytes
    @return: the message; C{None} if the bytes are anything but one complete plain frame with a
        payload of 1 to 125 bytes
    """
    size = len(data)
    if size < _SHORT and data[:2] == _MASKED[size] and size - 6 <= largest:
        bits = _number(data, "little")
        bits ^= (bits >> 16 & 0xFFFF_FFFF) * _REPEATING[size]
        message = bits.to_bytes(size + 3, "little")[6:size]  # the last word may be longer
        if message.isascii() or isText(message):
            return message
    return None


def takeTextFrames(data: bytes, largest: int = LARGEST_PLAIN) -> tuple[list[bytes], bytes, bool]:
    """
    Decode the complete plain text messages at the front of a WebSocket's byte stream. A message is
    plain if it is a single masked frame without extensions, is valid UTF-8, and has at most
    C{largest} bytes (RFC 6455 section 5.2). The first other frame ends the decoding; it is not
    checked here.

    @param data: the bytes from the client, starting between two messages
    @param largest: the maximum payload of a frame, bytes
    @return: the messages; the remaining bytes; and whether the remaining bytes may be the start of
        another plain frame
    """
    alone = takeTextFrame(data, largest)
    if alone is not None:
        return [alone], b"", True
    size = len(data)
    messages: list[bytes] = []
    start = 0
    plain = True
    while size - start >= 6:
        length = data[start + 1] ^ 0x80
        begin = start + 6
        if length == 126 and size - start >= 8:
            length = data[start + 2] << 8 | data[start + 3]
            begin = start + 8
            plain = length > 125
        elif length > 126:  # longer, or not masked
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
