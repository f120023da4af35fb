"""
The encoding of batches and ids in the database: MessagePack (https://msgpack.org).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, msgpack

from machat.entries import Draft, Entry
from machat.store.packing import Line, arrayOf, encode, entryOf


class SeenId(Struct, array_like=True, gc=False):
    """
    A message with an id.

    @ivar room: the key of the room
    @ivar sender: the key of the sender
    @ivar id: the id
    @ivar seq: the number of the message
    """

    room: str
    sender: str
    id: str
    seq: int


_lines = msgpack.Decoder(list[Line]).decode
_ids = msgpack.Decoder(list[SeenId]).decode


def encodeDrafts(drafts: Iterable[Draft]) -> bytes:
    """
    @return: these entries: see L{machat.store.packing}
    @raise UnicodeEncodeError: a text contains a surrogate, which no encoding of Unicode allows
    """
    return encode([arrayOf(draft, apart=True) for draft in drafts])


def decodeEntries(room: str, first: int, at: int, data: bytes) -> list[Entry]:
    """
    @param room: the name of the room
    @param first: the number of the first entry
    @param at: the time of the entries
    @raise msgspec.DecodeError: the data is not a batch
    """
    return [entryOf(line, room, seq, at) for seq, line in enumerate(_lines(data), first)]


def decodeIds(data: bytes) -> Sequence[SeenId]:
    """
    @raise msgspec.DecodeError: the data is not a list of ids
    """
    return _ids(data)
