"""
A custom dialect that suits C{cut} and C{awk}. Each line has the room, the number, the time and the
sender of a message before its text. Clients send a hello and messages as in the C{text} dialect;
only the server's output differs::

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
    One line per message, with fields separated by tabs. The text is last, because it may contain
    tabs.
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
