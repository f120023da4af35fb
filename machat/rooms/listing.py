"""
The list of rooms for clients.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed

from machat import names
from machat.events import ListedRoom, RoomList
from machat.interfaces import ISharedRooms
from machat.interfaces.listing import Shown
from machat.rooms.room import Room

#: The maximum number of rooms in one answer.
PAGE = 100


class Listing:
    """
    The rooms that are listed and have members, sorted by the keys of their names. The work for one
    page does not depend on the number of rooms.

    @ivar patterns: patterns of the names of the rooms that are listed, unless a moderator has
        decided otherwise: see L{machat.names.matches}
    """

    def __init__(self, find: Callable[[str], Room | None], shared: ISharedRooms | None) -> None:
        """
        @param find: returns the open room with this key
        @param shared: the list of all processes; C{None}: this is the only one
        """
        self._find = find
        self._shared = shared
        self._keys: list[str] = []
        self.patterns: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self._keys)

    def update(self, room: Room) -> None:
        """
        Note that the first member has joined a room or the last one has left it, or that a
        moderator has listed it, or removed it from the list.
        """
        listed = bool(room.members) and self._isListed(room)
        index = bisect_left(self._keys, room.key)
        present = index < len(self._keys) and self._keys[index] == room.key
        if listed and not present:
            insort(self._keys, room.key)
        elif present and not listed:
            del self._keys[index]
        if self._shared is not None:
            self._shared.occupy(room.key, bool(room.members))
            if listed is not present:
                self._shared.show(room.key, listed)

    def _isListed(self, room: Room) -> bool:
        if room.listed is None and not self.patterns:
            return False  # nearly always
        if names.partners(room.key) is not None:
            return False
        if room.listed is not None:
            return room.listed
        return names.matches(self.patterns, room.name)

    def page(self, prefix: str, after: str, limit: int) -> Deferred[RoomList]:
        """
        Read a part of the list.

        @param prefix: the beginning of the names, in any spelling
        @param after: the rooms follow the one with this name
        @param limit: the maximum number of rooms, up to L{PAGE}
        @return: fires with the rooms, in the order of the keys of their names; fails with
            L{ChatError} C{failed} if the store is not available
        """
        prefix, after, limit = names.key(prefix), names.key(after), min(limit, PAGE)
        if self._shared is not None:
            reading = self._shared.shown(prefix, after, limit + 1)
        else:
            reading = succeed(self._local(prefix, after, limit + 1))
        return reading.addCallback(_listOf, limit)

    def _local(self, prefix: str, after: str, limit: int) -> Sequence[Shown]:
        keys = self._keys
        index = bisect_left(keys, prefix)
        if after >= prefix and after:
            index = bisect_right(keys, after)
        found: list[Shown] = []
        for key in keys[index : index + limit]:
            room = self._find(key)
            if not key.startswith(prefix):
                break
            if room is not None:
                found.append(Shown(key, room.name, room.topic, len(room.occupants), room.protected))
        return found


def _listOf(found: Sequence[Shown], limit: int) -> RoomList:
    rooms = [
        ListedRoom(name=each.name, count=each.members, topic=each.topic, key=each.protected)
        for each in found[:limit]
    ]
    return RoomList(rooms=tuple(rooms), more=len(found) > limit)
