"""
Direct conversations: rooms that only two users can join or read.

The name of such a room is C{@Ada,Mina}, see L{machat.names.direct}. While it is open, the notes
about both users are known here. If a message arrives while one of them is not in the room, a note
about this user records it. The user's connections join then, or when the user connects again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from machat import names
from machat.entries import Entry
from machat.errors import BAD_NAME, NOT_ALLOWED, ChatError
from machat.events import Position
from machat.interfaces import IChatMember
from machat.records import Change, Imposed
from machat.rooms.keeper import Keeper
from machat.rooms.personal import NOTES, Note, People, Personal
from machat.rooms.room import Room


def pendingSince(note: Imposed) -> Position | None:
    """
    @param note: a note about a conversation
    @return: the position before the first message that the user has not received; C{None}: the user
        was in the room
    """
    epoch, _, seq = (note.by or "").partition(" ")
    return Position(epoch, int(seq)) if seq.isdigit() else None


class Direct:
    """
    The two users of an open conversation.
    """

    def __init__(self, people: People, users: Sequence[Personal]) -> None:
        self._people = people
        self._users = {each.key: each for each in users}

    def requireSay(self, key: str) -> None:
        """
        Require that a user is not blocked by the other one.

        @param key: the key of the name of the sender
        @raise ChatError: C{not-allowed}
        """
        for other, personal in self._users.items():
            if other != key and personal.note(Note.BLOCK, key) is not None:
                raise ChatError(NOT_ALLOWED, "you may not send messages to that user")

    def requireUser(self, key: str) -> None:
        """
        Require that a name is one of the two users.

        @param key: the key of the name
        @raise ChatError: C{not-allowed}
        """
        if key not in self._users:
            raise ChatError(NOT_ALLOWED, "that conversation is of two other users")

    def requirePublish(self, key: str) -> None:
        """
        Require that a name that need not be in the room is one of the two users, and is not
        blocked.

        @param key: the key of the name
        @raise ChatError: C{not-allowed}
        """
        self.requireUser(key)
        self.requireSay(key)

    def requireNew(self, room: Room) -> None:
        """
        Require that both users may have another conversation, if this one is new.

        @raise ChatError: C{not-allowed}
        """
        for personal in self._users.values():
            known = personal.note(Note.CONVERSATION, room.key) is not None
            if not known and len(personal.notes(Note.CONVERSATION)) >= NOTES:
                raise ChatError(NOT_ALLOWED, f"at most {NOTES} direct conversations")

    def said(self, room: Room, entries: Sequence[Entry]) -> None:
        """
        Note the conversation for both users, and the first message for one that is not there. The
        connections of a user that are not in the room join it, even if others are.
        """
        assert room.position is not None, "the room is open"
        since = f"{room.position.epoch} {entries[0].seq - 1}"
        for key, personal in self._users.items():
            note = personal.note(Note.CONVERSATION, room.key)
            there = key in room.occupants
            if note is None or (not there and pendingSince(note) is None):
                value = None if there else since
                note = personal.put(Note.CONVERSATION, room.key, room.name, value)
            if there and personal.watchers:
                personal.report(replace(note, by=since))  # it is not stored

    def joined(self, room: Room, key: str) -> None:
        """
        A user has joined.
        """
        personal = self._users[key]
        note = personal.note(Note.CONVERSATION, room.key)
        if note is not None and note.by is not None:
            personal.put(Note.CONVERSATION, room.key, room.name, None)

    def close(self) -> None:
        """
        The room is closed.
        """
        for personal in self._users.values():
            self._people.release(personal)


class Directs:
    """
    Opens the direct conversations of a chat.

    @ivar exists: whether there may be a user with a name
    """

    def __init__(self, people: People) -> None:
        self._people = people
        self.exists: Callable[[str], bool] = lambda name: True

    async def enter(self, room: Room) -> None:
        """
        Prepare a room that has just been opened. The caller keeps it open.

        @raise ChatError: C{bad-name}: there is no such user; C{not-allowed}: too many
            conversations; C{failed}
        """
        pair = names.partners(room.name)
        if pair is None or room.direct is not None:
            return
        for name in pair:
            if not self.exists(name):
                raise ChatError(BAD_NAME, f"there is no user {name}")
        users: list[Personal] = []
        try:
            for name in pair:
                users.append(await self._people.hold(name))
            direct = Direct(self._people, users)
            direct.requireNew(room)
        except BaseException:
            for each in users:
                self._people.release(each)
            raise
        if room.direct is None:
            room.direct, room.muted = direct, True
        else:  # another member was faster
            direct.close()


class DirectKeeper:
    """
    The chat, as a direct conversation sees it: see L{machat.rooms.keeper.Keeper}.
    """

    observes = True

    def __init__(self, keeper: Keeper, find: Callable[[str], Room | None]) -> None:
        """
        @param keeper: the chat, as other rooms see it
        @param find: returns the open room with this key
        """
        self.busy = keeper.busy
        self._keeper = keeper
        self._find = find

    def said(self, messages: Sequence[Entry]) -> None:
        """
        A batch was delivered.
        """
        room = self._find(names.key(messages[0].room))
        if room is not None and room.direct is not None:
            room.direct.said(room, messages)
        if self._keeper.observes:
            self._keeper.said(messages)

    def changed(self, room: Room, changes: Sequence[Change]) -> None:
        """
        See L{Keeper}.
        """
        self._keeper.changed(room, changes)

    def lost(self, room: Room, member: IChatMember, reason: str) -> None:
        """
        See L{Keeper}.
        """
        self._keeper.lost(room, member, reason)
