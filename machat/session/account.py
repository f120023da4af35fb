"""
The part of a conversation that concerns the client's user: direct conversations, blocked names and
read markers.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from machat import events, names
from machat.errors import BAD_COMMAND, BAD_NAME, FAILED, NO_SUCH_MESSAGE, NOT_ALLOWED, ChatError
from machat.interfaces import IChatRoom, IChatUser
from machat.records import Imposed, Lifted
from machat.rooms.direct import pendingSince
from machat.rooms.personal import AGAIN, NOTES, PACE, Note, Personal


class Owner(Protocol):
    """
    The conversation of the connection.
    """

    def invited(self, room: str, since: events.Position) -> None:
        """
        A direct message has arrived in a room, after a position.
        """

    def tell(self, event: events.Event) -> None:
        """
        Send an event.
        """


def conversationWith(user: IChatUser, name: str) -> str:
    """
    @param name: the name of another user
    @return: the name of the room
    @raise ChatError: C{not-allowed}: C{user} has no account; C{bad-name}: the name is not valid, or
        is that of C{user}
    """
    if user.name is None:
        raise ChatError(NOT_ALLOWED, "direct messages require an account")
    return names.conversation(user.name, name)


class Account:
    """
    The notes about the user of a connection.
    """

    __slots__ = ("_chat", "_owner", "_personal", "_made", "_blocked", "_timer")

    def __init__(self, chat: IChatRoom, owner: Owner) -> None:
        self._chat = chat
        self._owner: Owner | None = owner
        self._personal: Personal | None = None
        self._made: Imposed | None = None
        self._blocked: frozenset[str] = frozenset()  # the keys of the names that the client knows
        self._timer: IDelayedCall | None = None

    def begin(self, user: str) -> Deferred[Any]:
        """
        Read the notes, and send the list of direct conversations.

        @return: fires when this is done, or the store is not available. Does not fail
        """
        opening: Deferred[Personal] = self._chat.people.hold(user)
        return opening.addCallbacks(self._opened, self._notOpened, (), {}, (user,))

    def _notOpened(self, failure: Failure, user: str) -> None:
        """
        The store is not available: try again later.
        """
        failure.trap(ChatError)
        if self._owner is not None:
            self._timer = self._chat.clock.callLater(AGAIN, self._again, user)

    def _again(self, user: str) -> None:
        self._timer = None
        self.begin(user).addCallback(lambda _: self.catchUp())

    def _opened(self, personal: Personal) -> None:
        if self._owner is None:  # the connection has ended
            self._chat.people.release(personal)
            return
        self._personal = personal
        personal.watchers.append(self._noted)
        blocks = personal.notes(Note.BLOCK)
        if blocks or personal.notes(Note.CONVERSATION):
            self._list(personal, blocks)

    def _list(self, personal: Personal, blocks: list[Imposed]) -> None:
        self._blocked = frozenset([each.target for each in blocks])
        rooms = tuple([str(each.name) for each in personal.notes(Note.CONVERSATION)])
        blocked = tuple([str(each.name) for each in blocks])
        if self._owner is not None:
            self._owner.tell(events.Conversations(rooms=rooms, blocked=blocked))

    def catchUp(self) -> None:
        """
        Join the conversations with messages that the user has not received.
        """
        if self._personal is not None:
            for note in self._personal.notes(Note.CONVERSATION):
                self._invite(note)

    def _invite(self, note: Imposed) -> None:
        since = pendingSince(note)
        if self._owner is not None and since is not None and note.name is not None:
            self._owner.invited(note.name, since)

    def _noted(self, note: Imposed | Lifted) -> None:
        """
        A note is stored, or a block is removed.
        """
        if self._owner is None or note is self._made:
            return
        if note.kind == Note.BLOCK.value:
            if self._timer is None:
                self._timer = self._chat.clock.callLater(PACE, self._blocksChanged)
        elif isinstance(note, Imposed) and note.kind == Note.CONVERSATION.value:
            self._invite(note)
        elif isinstance(note, Imposed) and note.name is not None:
            self._owner.tell(events.ReadMark(room=note.name, seq=int(note.by or 0)))

    def _blocksChanged(self) -> None:
        """
        Send the list again, unless the client itself has made all changes.
        """
        self._timer = None
        personal = self._personal
        if personal is not None:
            blocks = personal.notes(Note.BLOCK)
            if self._blocked != {each.target for each in blocks}:
                self._list(personal, blocks)

    def end(self) -> None:
        """
        The connection has ended.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        personal, self._personal = self._personal, None
        self._owner = None
        if personal is not None:
            personal.watchers.remove(self._noted)
            self._chat.people.release(personal)

    def missedIn(self, room: str) -> events.Position | None:
        """
        @return: the position before the first message of a conversation that the user has not
            received, if there is one
        """
        personal = self._personal
        note = None if personal is None else personal.note(Note.CONVERSATION, names.key(room))
        return None if note is None else pendingSince(note)

    def markOf(self, room: str) -> int | None:
        """
        @return: the number of the last message that the user has read in a room
        """
        note = None if self._personal is None else self._personal.note(Note.READ, names.key(room))
        return None if note is None else int(note.by or 0)

    def mark(self, room: str, seq: int, top: int) -> None:
        """
        Note how far the user has read a room.

        @param top: the number of its last message
        @raise ChatError: C{no-such-message}: above C{top}; C{bad-command}: below the current one
        """
        personal = self._require()
        if seq > top:
            text = f"the last message has the number {top} - at `$.seq`"
            raise ChatError(NO_SUCH_MESSAGE, text)
        current = self.markOf(room) or 0
        if seq < min(current, top):
            raise ChatError(BAD_COMMAND, f"the marker is already at {current} - at `$.seq`")
        if seq < current:  # the room has lost its messages
            personal.reset(Note.READ, names.key(room))
        if seq != current:
            self._made = personal.put(Note.READ, names.key(room), room, str(seq), urgent=False)

    def block(self, name: str, blocked: bool) -> Deferred[None]:
        """
        Refuse the direct messages of a user, or accept them again.

        @return: fires when this is stored
        @raise ChatError: C{bad-name}; C{not-allowed}: too many names
        """
        personal = self._require()
        name = names.checkName(name)
        key = names.key(name)
        if key == personal.key:
            raise ChatError(BAD_NAME, "that is your own name")
        if not blocked:
            personal.remove(Note.BLOCK, key)
        elif not personal.note(Note.BLOCK, key) and len(personal.notes(Note.BLOCK)) >= NOTES:
            raise ChatError(NOT_ALLOWED, f"at most {NOTES} blocked names")
        else:
            personal.put(Note.BLOCK, key, name, None, urgent=False)
        return personal.whenStored().addCallback(self._blockStored, key, blocked)

    def _blockStored(self, _: None, key: str, blocked: bool) -> None:
        self._blocked = self._blocked | {key} if blocked else self._blocked - {key}

    def _require(self) -> Personal:
        if self._personal is None:
            raise ChatError(FAILED, "the store is not available: try again")
        return self._personal
