"""
The commands for direct messages: C{/msg}, C{/block} and C{/unblock}.
"""

from __future__ import annotations

from collections.abc import Sequence

from machat import names
from machat.cli.talk import HISTORY, Talk
from machat.client.sendqueue import QueuedLine
from machat.commands import Block, Unblock

#: The maximum number of conversations that are joined when the client starts.
MAX_JOINED = 8


def message(talk: Talk, rest: str) -> None:
    """
    Send a message to another user, and join the conversation with this user if that is necessary.
    Without a text, the conversation becomes the current room.

    @param rest: the name, and the text
    """
    name, *text = rest.split(None, 1) if rest else [""]
    if not name or talk.client is None:
        talk.note("use /msg NAME TEXT, or /msg NAME to switch to the conversation")
        return
    if names.key(name) == names.key(talk.nick()):
        talk.note("that is your own name")
        talk.failed = True
        return
    room = names.direct(talk.nick(), name)
    if not text:
        talk.joinRoom(talk.client, room)
        return
    if names.key(room) not in map(names.key, talk.client.rooms()):
        # A refusal is reported with the message, which then fails too.
        talk.client.join(room, HISTORY).addErrback(lambda _: None)
    talk.queue.add(QueuedLine(room, text[0], typed=f"/msg {name}"))
    unread = talk.known.get(room).unread
    unread.clear()
    talk.reading.send(talk.client, room, unread, last=True)


def catchUp(talk: Talk, rooms: Sequence[str]) -> None:
    """
    Join direct conversations, to show the messages that the user has not read. The others are not
    shown until the user switches to the conversation.

    @param rooms: the conversations, the last one first
    """
    client = talk.client
    if client is None or not talk.reading.enabled:
        return
    joined = set(map(names.key, client.rooms()))
    for room in rooms[:MAX_JOINED]:
        if names.key(room) not in joined:
            talk.known.quiet.add(names.key(room))
            client.join(room, HISTORY).addErrback(lambda _: None)


def block(talk: Talk, rest: str) -> None:
    """
    Refuse direct messages from a user.
    """
    _change(talk, "block", rest)


def unblock(talk: Talk, rest: str) -> None:
    """
    Accept direct messages from a user again.
    """
    _change(talk, "unblock", rest)


def _change(talk: Talk, command: str, name: str) -> None:
    if not name:
        talk.note(f"use /{command} NAME")
    elif talk.client is None or not talk.client.connected:
        talk.note("not connected: the command was not sent")
    else:
        blocked = command == "block"
        change = Block(name=name) if blocked else Unblock(name=name)
        talk.confirmations.send(talk.client, change, lambda: _changed(talk, name, blocked))


def _changed(talk: Talk, name: str, blocked: bool) -> None:
    others = [each for each in talk.known.blocked if names.key(each) != names.key(name)]
    talk.known.blocked = (*others, name) if blocked else tuple(others)
    talk.note(f"{name} is blocked" if blocked else f"{name} is no longer blocked")
