"""
The bytes that are stored and published: messages, changes and claims, in MessagePack
(U{https://github.com/msgpack/msgpack/blob/master/spec.md}).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.msgpack import Decoder, Encoder

from machat.entries import Draft
from machat.names import NAME_LENGTH
from machat.records import (
    AnyChange,
    Change,
    Imposed,
    KeySet,
    Kicked,
    Lifted,
    ListingSet,
    LockSet,
    TopicSet,
)
from machat.store.packing import Line, arrayOf

_encoder = Encoder()
_lines = Decoder(list[Line])
_changes = Decoder(list[AnyChange])
_change: Decoder[AnyChange] = Decoder(AnyChange)
_line = Decoder(Line)
_reactions = Decoder(list[tuple[str, str, str]])
_sanction = Decoder(Imposed)

#: One change of the claims: C{+} or C{-}; the key of the name; the id of the claim; its node; its
#: spelling, or the reason why it has ended; its number.
Step = tuple[str, str, str, str, str, int]
_steps = Decoder(list[Step])

#: A claim as it is stored: its id, its node, its spelling, C{1} if its user is known, the hash of
#: its secret, its number.
Kept = tuple[str, str, str, str, str, int]
_claims = Decoder(list[Kept])


#: The beginning of a published frame that reports that a member is typing. It is not stored.
TYPING = b"t "


class Top(NamedTuple):
    """
    A position in the stream of a room.

    @ivar seq: the number of the last message
    @ivar sub: the number of changes after it
    """

    seq: int
    sub: int


class Batch(NamedTuple):
    """
    A published batch.

    @ivar before: the position before it
    @ivar texts: the number of its messages
    @ivar changes: the number of its changes
    @ivar at: the time at which it was stored, milliseconds since the Unix epoch
    @ivar writer: the process that has sent it
    @ivar number: its number among the batches of that process in this room
    @ivar total: the number of changes of the room, including those of this batch
    @ivar body: its messages, then its changes
    @ivar size: the length of the messages in C{body}
    """

    epoch: str
    before: Top
    texts: int
    changes: int
    at: int
    writer: str
    number: int
    total: int
    body: bytes
    size: int

    @property
    def after(self) -> Top:
        """
        The position after the batch.
        """
        seq, sub = self.before
        return Top(seq + self.texts, self.changes + (0 if self.texts else sub))


class Steps(NamedTuple):
    """
    Published changes of the claims.

    @ivar generation: names the hash of the claims: it is deleted when a room becomes empty
    @ivar before: the version before the changes; 0 if there were no claims
    @ivar after: the version after them
    """

    generation: str
    before: int
    after: int
    steps: Sequence[Step]


def parse(frame: bytes) -> Batch | Steps:
    """
    @param frame: the bytes that a script has published
    @raise ValueError: the frame is not valid
    """
    head, _, body = frame.partition(b"\n")
    kind, *fields = head.decode().split(" ")
    if kind == "p" and len(fields) == 3:
        return Steps(fields[0], int(fields[1]), int(fields[2]), _steps.decode(body))
    if kind != "m" or len(fields) != 10:
        raise ValueError(f"not a frame: {frame[:40]!r}")
    epoch, writer = fields[0], fields[6]
    seq, sub, count, changes, at = [int(field) for field in fields[1:6]]
    number, total, size = [int(field) for field in fields[7:]]
    return Batch(epoch, Top(seq, sub), count, changes, at, writer, number, total, body, size)


def packTyping(process: bytes, name: str) -> bytes:
    """
    @param process: identifies the process
    @return: the frame that reports that a member is typing
    """
    return TYPING + process + b"\n" + name.encode()


def unpackTyping(frame: bytes, own: bytes) -> str | None:
    """
    @param own: identifies this process
    @return: the name; C{None} if this process has published the frame, or it is not valid
    """
    process, _, name = frame[len(TYPING) :].partition(b"\n")
    decoded = name.decode(errors="replace")
    return decoded if process != own and 0 < len(decoded) <= NAME_LENGTH else None


def _array(count: int) -> bytes:
    """
    @return: the head of an array
    """
    return b"\xdd" + count.to_bytes(4, "big")


def linesOf(batch: Batch) -> list[Line]:
    """
    @return: the stored form of each entry
    @raise ValueError: the batch is not valid
    """
    return _lines.decode(_array(batch.texts) + batch.body[: batch.size])


def changesOf(batch: Batch) -> Sequence[Change]:
    """
    @raise ValueError: the batch is not valid
    """
    if not batch.changes:
        return ()
    return _changes.decode(_array(batch.changes) + batch.body[batch.size :])


def packDraft(draft: Draft) -> bytes:
    """
    @return: the stored form of an entry
    """
    return _encoder.encode(arrayOf(draft))


def unpackLine(payload: bytes) -> Line:
    """
    @return: a stored entry
    """
    return _line.decode(payload)


def unpackReactions(payload: bytes) -> dict[str, tuple[str, ...]]:
    """
    @return: the stored reactions to a message
    """
    found: dict[str, tuple[str, ...]] = {}
    for emoji, _, name in _reactions.decode(payload):
        found[emoji] = (*found.get(emoji, ()), name)
    return found


def unpackChange(payload: bytes) -> Change:
    """
    @return: a stored change
    """
    return _change.decode(payload)


def unpackSanction(payload: bytes) -> Imposed:
    """
    @return: a stored sanction
    """
    return _sanction.decode(payload)


def unpackClaims(payload: bytes) -> Sequence[Kept]:
    """
    @return: the stored claims of a name
    """
    return _claims.decode(payload)


def packChange(change: Change) -> list[bytes]:
    """
    @return: the stored form of a change, and its effect on the state of the room: a command, a
        field and a value, see C{append.lua}
    """
    payload = _encoder.encode(change)
    if isinstance(change, Imposed):
        field = f"{change.kind} {change.target}".encode()
        return [payload, b"impose", field, b"%r %b" % (change.until, payload)]
    if isinstance(change, Lifted):
        return [payload, b"lift", f"{change.kind} {change.target}".encode(), b""]
    if isinstance(change, TopicSet):
        return [payload, *_setting("topic", change.topic)]
    if isinstance(change, LockSet):
        return [payload, *_setting("lock", "1" if change.locked else None)]
    if isinstance(change, ListingSet):
        return [payload, *_setting("listed", "1" if change.listed else "0")]
    if isinstance(change, KeySet):
        return [payload, *_setting("key", change.key)]
    assert isinstance(change, Kicked)
    return [payload, b"", b"", b""]


def _setting(field: str, value: str | None) -> list[bytes]:
    if value is None:
        return [b"unset", field.encode(), b""]
    return [b"set", field.encode(), value.encode()]


def parseEntry(entry: Any) -> tuple[Top, dict[bytes, bytes]]:
    """
    @param entry: an entry of the stream
    @return: its id and its fields
    """
    seq, _, sub = entry[0].partition(b"-")
    fields = entry[1]
    return Top(int(seq), int(sub)), dict(zip(fields[::2], fields[1::2], strict=True))
