"""
The policy of the rooms: locks, mutes and bans, from which moderators are exempt.
"""

from __future__ import annotations

from datetime import datetime, timezone

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from zope.interface import implementer

from machat import names
from machat.auth import users
from machat.auth.users import allows
from machat.clock import ChatClock
from machat.connections.registry import Connections
from machat.entries import Edit, React, Redact, RichDraft, Said
from machat.errors import MUTED, NO_SUCH_MESSAGE, NOT_ALLOWED, NOT_JOINED, ROOM_LOCKED, ChatError
from machat.interfaces import IChatMember, IQuotas, IRoomPolicy
from machat.limits import Limits
from machat.moderation.keys import Guesses, SharedGuesses
from machat.moderation.sanctions import Kind, Sanctions, Target
from machat.revisions import messageIn
from machat.rooms.batch import NO_MESSAGE
from machat.rooms.room import Room


def mayModerate(member: IChatMember, room: str) -> bool:
    """
    @return: whether the member's user may moderate a room. A member without a user may not, and
        nobody may moderate a direct conversation
    """
    return (
        member.user is not None
        and names.partners(room) is None
        and allows(member.user.mayModerate, room)
    )


def barriers(name: str, network: str | None) -> list[Target]:
    """
    @return: the bans that would prevent a member of this name and network from joining
    """
    named: Target = (Kind.BAN, names.key(name))
    return [named] if network is None else [named, (Kind.ADDRESS, network)]


def requireReply(room: Room, reply: int | None) -> None:
    """
    Require that a message answers an earlier one, which need not be stored any more.

    @raise ChatError: C{no-such-message}
    """
    if reply is not None and (room.position is None or reply > room.position.seq):
        raise ChatError(NO_SUCH_MESSAGE, "no message has this number yet - at `$.reply`")


@implementer(IRoomPolicy)
class RoomPolicy:
    """
    Enforces locks, mutes, bans, and the rights of users.
    """

    def __init__(
        self,
        sanctions: Sanctions,
        connections: Connections,
        clock: ChatClock,
        limits: Limits,
        quotas: IQuotas | None = None,
    ) -> None:
        """
        @param quotas: the numbers that several processes count together
        """
        self._sanctions = sanctions
        self._connections = connections
        self._now = clock.now
        self._guesses = Guesses(clock.seconds, limits.maxFailures)
        self._shared = (
            None if quotas is None else SharedGuesses(self._guesses, quotas, limits.maxFailures)
        )
        self._limits = limits

    def begin(self, room: Room) -> None:
        """
        Take the state of a room that the store has opened.
        """
        assert room.stored is not None
        record = room.stored.record
        room.topic, room.locked = record.topic, record.locked
        room.listed, room.password = record.listed, record.key
        self._sanctions.load(room.key, record.sanctions)
        room.muted = self._sanctions.has(room.key, Kind.MUTE)

    def requireJoin(self, member: IChatMember, name: str, room: Room) -> None:
        """
        @raise ChatError: C{not-allowed}: the member is banned, or its user lacks the right, or the
            room is the conversation of two other users; C{room-locked}
        """
        if member.user is not None:
            users.requireJoin(member.user, room.name)
        if room.direct is not None:
            room.direct.requireUser(names.key(name))
        if not (room.locked or self._sanctions):
            return  # nearly always
        targets = barriers(name, self._connections.networkOf(member))
        until = self._sanctions.until(room.key, targets)
        if (room.locked or until is not None) and not mayModerate(member, room.name):
            if until is not None:
                raise ChatError(NOT_ALLOWED, f"banned until {_time(until)}")
            raise ChatError(ROOM_LOCKED, f"{room.name} is locked")

    def requireKey(self, member: IChatMember, room: Room, key: str | None) -> None:
        """
        Require the key of a room that is open. Moderators, and members without a user, need none.
        Wrong keys are counted in this process.

        @raise ChatError: C{bad-key}; C{busy}: too many wrong keys from the same user, or without
            accounts from the same network
        """
        if room.password is not None and self._needsKey(member, room):
            self._guesses.check(self._originOf(member), room.key, key, room.password)

    def guessKey(self, member: IChatMember, room: Room, key: str | None) -> Deferred[None] | None:
        """
        See L{machat.interfaces.IRoomPolicy.guessKey}.
        """
        shared, password = self._shared, room.password
        if shared is None or key is None or password is None or not self._needsKey(member, room):
            self.requireKey(member, room, key)
            return None
        origin = self._originOf(member)
        return Deferred.fromCoroutine(shared.check(origin, room.key, key, password))

    def _needsKey(self, member: IChatMember, room: Room) -> bool:
        return member.user is not None and not mayModerate(member, room.name)

    def _originOf(self, member: IChatMember) -> str:
        name = None if member.user is None else member.user.name
        if name is not None:
            return f"user {names.key(name)}"
        return self._connections.networkOf(member) or ""

    def networkOf(self, member: IChatMember) -> str | None:
        """
        @return: see L{Connections.networkOf}
        """
        return self._connections.networkOf(member)

    def requireStillSay(self, member: IChatMember, room: Room) -> None:
        """
        Check again, after a message has waited, whether its sender may send it.

        @raise ChatError: C{not-joined}; C{muted}; C{not-allowed}: the user has lost the right
        """
        if member not in room:
            raise ChatError(NOT_JOINED, f"not in {room.name} any more")
        if member.user is not None:
            users.requireSay(member.user, room.name)
        if room.muted:
            self.requireSay(member, room)

    def requirePublish(self, name: str, room: Room) -> None:
        """
        Check whether a name that need not be in the room may send messages to it. A lock does not
        prevent that.

        @raise ChatError: C{muted}; C{not-allowed}: the name is banned, or may not take part in a
            direct conversation
        """
        if room.direct is not None:
            room.direct.requirePublish(names.key(name))
        if not self._sanctions:
            return
        key = names.key(name)
        until = self._sanctions.until(room.key, [(Kind.MUTE, key)])
        if until is not None:
            raise ChatError(MUTED, f"{name} is muted until {_time(until)}")
        until = self._sanctions.until(room.key, [(Kind.BAN, key)])
        if until is not None:
            raise ChatError(NOT_ALLOWED, f"{name} is banned until {_time(until)}")

    async def permitted(self, member: IChatMember, room: Room, draft: RichDraft) -> RichDraft:
        """
        Check whether a member may add an entry. The sender and the time of a message never change,
        so the result remains valid while the entry waits to be stored. Whether the message still
        exists is checked again by the store.

        @return: the entry, complete
        @raise ChatError: C{no-such-message}; C{not-allowed}
        """
        content = draft.content
        if isinstance(content, Said):
            requireReply(room, content.reply)
        if isinstance(content, (Said, React)):
            return draft
        assert room.stored is not None, "the member is in the room"
        target = content.target
        message = messageIn(await room.stored.read(target - 1, 1), target)
        if message is None:
            raise ChatError(NO_SUCH_MESSAGE, NO_MESSAGE)
        own = names.key(message.sender) == names.key(draft.sender)
        if not mayModerate(member, room.name):
            self._requireAuthor(own, message.at)
        if isinstance(content, Edit) and message.sender == names.RESERVED:
            raise ChatError(NOT_ALLOWED, "a message of the server cannot be edited")
        if isinstance(content, Redact) and not own:
            return replace(draft, content=replace(content, author=message.sender))
        return draft

    def _requireAuthor(self, own: bool, at: int) -> None:
        if not own:
            raise ChatError(NOT_ALLOWED, "the message is from somebody else")
        if self._now() - at / 1000 > self._limits.editTime:
            text = f"a message can be changed for {self._limits.editTime:g} s only"
            raise ChatError(NOT_ALLOWED, text)

    def requireSay(self, member: IChatMember, room: Room) -> None:
        """
        Check whether a member of a room with C{room.muted} may send messages.

        @raise ChatError: C{muted}; C{not-allowed}: the other user of a conversation has blocked it
        """
        if room.direct is not None:
            room.direct.requireSay(room.members[member].key)
        muted: Target = (Kind.MUTE, room.members[member].key)
        until = self._sanctions.until(room.key, [muted])
        if until is None:
            room.muted = self._sanctions.has(room.key, Kind.MUTE) or room.direct is not None
        elif not mayModerate(member, room.name):
            raise ChatError(MUTED, f"you are muted until {_time(until)}")


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
