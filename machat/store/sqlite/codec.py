"""
The encoding of messages and ids in the database: MessagePack (https://msgpack.org).

A message is an array of sender and text. Later versions may append fields. This version ignores
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, msgpack

from machat.events import Draft, Message


class Line(Struct, array_like=True, gc=False):
    """
    A stored message.
    """

    sender: str
    text: str


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


encode = msgpack.Encoder().encode
_lines = msgpack.Decoder(list[Line]).decode
_ids = msgpack.Decoder(list[SeenId]).decode


def encodeDrafts(drafts: Iterable[Draft]) -> bytes:
    """
    @return: the senders and texts of these messages
    @raise UnicodeEncodeError: a text contains a surrogate, which no encoding of Unicode allows
    """
    return encode([(draft.sender, draft.text) for draft in drafts])


def decodeMessages(room: str, first: int, at: int, data: bytes) -> list[Message]:
    """
    @param room: the name of the room
    @param first: the number of the first message
    @param at: the time of the messages
    @raise msgspec.DecodeError: the data is not a batch
    """
    return [
        Message(room, seq, line.sender, line.text, at)
        for seq, line in enumerate(_lines(data), first)
    ]


def decodeIds(data: bytes) -> Sequence[SeenId]:
    """
    @raise msgspec.DecodeError: the data is not a list of ids
    """
    return _ids(data)
