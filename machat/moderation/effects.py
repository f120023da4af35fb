"""
The effects of moderators' changes on the members of a room.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from twisted.logger import Logger

from machat.connections.registry import Connections
from machat.errors import NAME_LOST, REPLACED
from machat.events import RoomState
from machat.interfaces import IChatMember
from machat.moderation.policy import barriers, mayModerate
from machat.moderation.sanctions import Kind, Sanctions, Target
from machat.records import (
    TAKEN_OVER,
    Change,
    Imposed,
    KeySet,
    Kicked,
    Lifted,
    ListingSet,
    LockSet,
    TopicSet,
)
from machat.rooms.registry import Rooms
from machat.rooms.room import Room


class Effects:
    """
    Applies changes to the rooms of one chat. A process applies its own changes before they are
    stored, and all changes, in the order of the room, when the store reports them. Both together
    have the same effect on every process.
    """

    _log = Logger()

    def __init__(self, rooms: Rooms, connections: Connections, sanctions: Sanctions) -> None:
        self._rooms = rooms
        self._connections = connections
        self._sanctions = sanctions

    def apply(self, room: Room, changes: Sequence[Change]) -> None:
        """
        Apply changes that the store reports.
        """
        own = [*room.doubtful, *room.unreported]
        for change in changes:
            match change:
                case Imposed():
                    self._sanctions.put(room.key, change)
                    room.muted = room.muted or change.kind == Kind.MUTE.value
                    target = (Kind(change.kind), change.target)
                    by = "the server" if change.by is None else f"moderator {change.by}"
                    words = f"{by} banned {change.name or 'an address'}"
                    self.remove(room, self.banned(room, {target}), words)
                case Lifted():
                    self._sanctions.remove(room.key, change)
                case TopicSet():
                    self.setTopic(room, change.topic)
                case LockSet():
                    self.setLocked(room, change.locked)
                case ListingSet():
                    self.setListed(room, change.listed)
                case KeySet():
                    room.password = change.key
                case Kicked() if not any(change is each for each in own):
                    self.remove(room, room.occupants.members(change.key), change.words)

    def setTopic(self, room: Room, topic: str | None) -> None:
        """
        Set the topic of a room.
        """
        if room.topic != topic:
            room.topic = topic
            _publishState(room)

    def setLocked(self, room: Room, locked: bool) -> None:
        """
        Lock or unlock a room.
        """
        if room.locked is not locked:
            room.locked = locked
            _publishState(room)

    def setListed(self, room: Room, listed: bool) -> None:
        """
        Add a room to the list of rooms, or remove it.
        """
        if room.listed is not listed:
            room.listed = listed
            self._rooms.listing.update(room)

    def banned(self, room: Room, targets: Collection[Target]) -> list[IChatMember]:
        """
        @return: the members of a room to which one of these bans applies
        """
        return [
            member
            for member, claim in list(room.members.items())
            if not {*targets}.isdisjoint(barriers(claim.name, self._connections.networkOf(member)))
            and not mayModerate(member, room.name)
        ]

    def remove(self, room: Room, members: Sequence[IChatMember], words: str) -> None:
        """
        Remove members from a room.

        @param words: the moderator and the reason, as one line of text
        """
        for member in members:
            if member not in room:
                continue  # a callback of the application has removed it already
            self._rooms.leave(member, room.name)
            try:
                member.removed(room.name, words)
            except Exception:
                self._log.failure(
                    "removed() of a member of {room} raised an exception", room=room.name
                )

    def lost(self, room: Room, member: IChatMember, reason: str) -> None:
        """
        Disconnect a member that has lost its name: with L{REPLACED}, if its own client has taken
        the name over, so that it does not reconnect; else with L{NAME_LOST}.
        """
        self._log.info(
            "{name} ({peer}) lost its name in {room}: {reason}",
            name=member.name,
            peer=member.peer,
            room=room.name,
            reason=reason,
        )
        self._rooms.leave(member, room.name)
        try:
            member.disconnected(REPLACED if reason == TAKEN_OVER else NAME_LOST)
        except Exception:
            self._log.failure("disconnected() of a member raised an exception")


def _publishState(room: Room) -> None:
    """
    Send the topic and the lock of a room to its members.
    """
    room.announce(RoomState(room=room.name, topic=room.topic, locked=room.locked))
