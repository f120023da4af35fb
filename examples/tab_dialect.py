"""
A dialect of one's own: lines for C{cut} and C{awk}, with the room, the number, the time and the
sender before each message. A client says hello and speaks as in the C{text}
dialect; what it hears is different::

    ChatFactory(chat, dialects=(TABS, wire.EVENTS))
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from machat.events import Bye, Error, Event, Message
from machat.wire import IDialect


@implementer(IDialect)
class TabLines:
    """
    A line a message, its fields separated by tabs. The text comes last: it may have tabs itself.
    """

    transport = "tcp"
    name = "tabs"

    def encode(self, messages: Sequence[Message]) -> bytes:
        return "".join(
            [f"{m.room}\t{m.seq}\t{m.at}\t{m.sender}\t{m.text}\n" for m in messages]
        ).encode()

    def encodeEvent(self, event: Event) -> bytes | None:
        if isinstance(event, Error):
            return f"error\t{event.code}\t{event.text}\n".encode()
        if isinstance(event, Bye):
            return f"bye\t{event.code}\t{event.reason}\n".encode()
        return None


TABS = TabLines()
