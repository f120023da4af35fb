"""
The encoding of an event stream (WHATWG HTML, section 9.2, server-sent events).

Each message is an event with the id C{EPOCH:SEQ}, which a client sends back as C{Last-Event-ID}.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace
from zope.interface import implementer

from machat.errors import Disconnect
from machat.events import Bye, Entry, Event, Joined, Message, Moved, Position
from machat.wire import IDialect

_encode = msgspec.json.Encoder().encode

#: A comment, which clients ignore.
HEARTBEAT = b":\n\n"

#: The time after which a client reconnects, ms.
RETRY = 2_000

#: The position that an invalid id stands for: no room covers it, so that the client learns that
#: messages are missing.
NOWHERE = Position("", 0)


def encodeEntries(entries: Sequence[Entry], epoch: str) -> bytes:
    """
    @return: one event for each entry. Entries other than messages have the types C{edited},
        C{redacted} and C{reacted}
    """
    begun = b"id: %s:" % epoch.encode()
    return b"".join(
        [
            b"%s%d\n%sdata: %s\n\n" % (begun, each.seq, _kindOf(each), _encode(each))
            for each in entries
        ]
    )


def _kindOf(entry: Entry) -> bytes:
    if isinstance(entry, Message):
        return b""
    return b"event: %s\n" % str(entry.__struct_config__.tag).encode()


def encodeBeginning(joined: Joined) -> bytes:
    """
    @return: the first event of a stream. It has an id only if no replayed messages follow, since
        a client that receives only some of them has to ask for the others again
    """
    fields = msgspec.to_builtins(replace(joined, replay=()))
    for name in ("name", "replay", "scanned"):
        fields.pop(name, None)
    id = b"" if joined.replay else _id(joined.position)
    return b"retry: %d\n%sevent: joined\ndata: %s\n\n" % (RETRY, id, _encode(fields))


def encodeEnd(end: Disconnect) -> bytes:
    """
    @return: the last event of a stream, with the time after which to reconnect
    """
    bye = Bye(code=end.code, reason=end.reason, reconnect=end.reconnect, retry=end.retry)
    retry = RETRY if end.retry is None else int(end.retry * 1000)
    return b"retry: %d\nevent: bye\ndata: %s\n\n" % (retry, _encode(bye))


def readId(text: str) -> Position:
    """
    @param text: an id
    @return: the position of the last message that the client has received
    """
    epoch, _, seq = text.rpartition(":")
    if not (seq.isascii() and seq.isdigit() and len(seq) <= 15 and 0 < len(epoch) <= 64):
        return NOWHERE
    return Position(epoch, int(seq))


def _id(position: Position) -> bytes:
    return b"id: %s:%d\n" % (position.epoch.encode(), position.seq)


@implementer(IDialect)
class StreamDialect:
    """
    The dialect of the event streams of one room.

    @ivar epoch: the epoch of the room
    """

    transport = "http"
    name = "stream"

    def __init__(self) -> None:
        self.epoch = ""

    def encode(self, entries: Sequence[Entry]) -> bytes:
        return encodeEntries(entries, self.epoch)

    def encodeEvent(self, event: Event) -> bytes | None:
        if not isinstance(event, Moved):
            return None
        self.epoch = event.epoch
        return b"%sevent: moved\ndata: %s\n\n" % (_id(event.position), _encode(event))


class Dialects:
    """
    The dialects of all rooms that have event streams, so that a batch is encoded once for all
    streams of a room.
    """

    def __init__(self) -> None:
        self._used: dict[str, tuple[StreamDialect, int]] = {}

    def take(self, room: str) -> StreamDialect:
        """
        @param room: the key of the room
        @return: the dialect for one stream more
        """
        dialect, users = self._used.get(room, (None, 0))
        dialect = dialect or StreamDialect()
        self._used[room] = (dialect, users + 1)
        return dialect

    def release(self, room: str) -> None:
        """
        Undo one L{take}.
        """
        dialect, users = self._used.pop(room)
        if users > 1:
            self._used[room] = (dialect, users - 1)
