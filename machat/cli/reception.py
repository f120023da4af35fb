"""
The display of each event of a conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from machat import names
from machat.cli import direct, texts
from machat.cli.talk import Talk
from machat.client import Connected, Failed, Gap, Lost
from machat.entries import Edited, Entry, Message, Reacted, Redacted, RichMessage
from machat.events import (
    Bye,
    Conversations,
    Done,
    Error,
    Event,
    Joined,
    Left,
    Members,
    Moved,
    Presence,
    ReadMark,
    RoomState,
    SanctionList,
    Typing,
)


def receive(talk: Talk, event: Event) -> None:
    """
    Show an event.
    """
    receiver = _RECEIVE.get(type(event))
    if receiver is not None:
        receiver(talk, event)


def _message(talk: Talk, event: Message) -> None:
    unread = talk.known.get(event.room).unread
    unread.arrived(event)
    new = unread.isNew(event)
    own = names.key(event.sender) == names.key(talk.nick())
    if event.replay and talk.known.isQuiet(event.room) and not (new and (str(unread) or not own)):
        return
    talk.history.shown(event)
    if not own:
        if not talk.isCurrent(event.room):
            unread.add(event)
        if talk.away.missed(event.replay) or unread.begins(event):
            older = "; /history shows older ones" if unread.more else ""
            talk.view.note(f"--- new since you were away{older} ---", event.room)
    talk.view.message(event, new)


def _entry(talk: Talk, event: Entry) -> None:
    talk.known.posted(event)
    if isinstance(event, Message):
        _message(talk, event)
    elif isinstance(event, Edited):
        talk.view.edited(event)
    elif isinstance(event, Redacted):
        talk.view.redacted(event)
    else:
        talk.view.reacted(event)


def _typing(talk: Talk, event: Typing) -> None:
    if names.key(event.sender) != names.key(talk.nick()):
        talk.known.typing(event.room, event.sender)


def _joined(talk: Talk, event: Joined) -> None:
    talk.known.joined(event)
    talk.history.joined(event)
    if event.recovered is None and not talk.known.isQuiet(event.room):
        talk.notes.addAll(texts.joined(event))


def _left(talk: Talk, event: Left) -> None:
    if event.reason is not None:
        talk.note(f"removed from {event.room}: {event.reason}")
    talk.forget(event.room)
    talk.selectRoom()


def _presence(talk: Talk, event: Presence) -> None:
    if talk.known.presence(event):
        talk.notes.addAll(texts.presence(event, talk.nick()))


def _members(talk: Talk, event: Members) -> None:
    talk.known.members(event)
    talk.note(texts.members(event))


def _conversations(talk: Talk, event: Conversations) -> None:
    if talk.known.conversations(event.rooms):
        talk.note(texts.conversations(talk.known.partners(talk.nick())))
        direct.catchUp(talk, event.rooms)
    talk.known.blocked = event.blocked


def _moved(talk: Talk, event: Moved) -> None:
    talk.known.get(event.room).unread.moved(event)
    talk.history.moved(event)
    talk.view.shown.forget(event.room)
    talk.notes.addAll(texts.moved(event))


def _connected(talk: Talk, event: Connected) -> None:
    talk.notes.connected()
    talk.reading.connected()
    talk.note("connected")


def _notConnected(talk: Talk, event: Failed) -> None:
    talk.notes.addOnce(texts.failed(event))
    if not event.retry:
        talk.failed = True
        talk.quit(1)


def _lost(talk: Talk, event: Lost) -> None:
    talk.away.lost()
    talk.confirmations.lost()
    if event.retry:
        talk.notes.addOnce("connection lost, reconnecting")
    else:
        talk.quit(1)


def _ended(talk: Talk, event: Bye) -> None:
    talk.failed = talk.failed or not event.reconnect
    talk.notes.addOnce(f"the server closed the connection: {event.reason}")


def _error(talk: Talk, event: Error) -> None:
    talk.confirmations.answered(event.id, False)
    text = f"{event.code}: {event.text}"
    if talk.client is not None and talk.client.connected:
        talk.note(text)
    else:
        talk.notes.addOnce(text)


_RECEIVE: dict[type[Any], Callable[[Talk, Any], object]] = {
    Message: _entry,
    RichMessage: _entry,
    Edited: _entry,
    Redacted: _entry,
    Reacted: _entry,
    Typing: _typing,
    ReadMark: lambda talk, event: talk.known.get(event.room).unread.marked(event.seq),
    RoomState: lambda talk, event: talk.known.changed(event),
    Joined: _joined,
    Left: _left,
    Presence: _presence,
    Members: _members,
    SanctionList: lambda talk, event: talk.notes.addAll(texts.sanctions(event)),
    Moved: _moved,
    Gap: lambda talk, event: talk.note(texts.gap(event)),
    Connected: _connected,
    Failed: _notConnected,
    Lost: _lost,
    Bye: _ended,
    Conversations: _conversations,
    Done: lambda talk, event: talk.confirmations.answered(event.id, True),
    Error: _error,
}
