"""
Actions that took effect on this process and were not stored, because the store failed. They can be
repeated: their effect here must not hide that the store does not have them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from machat import names
from machat.moderation.sanctions import Kind, Sanctions
from machat.records import Change, Imposed, KeySet, ListingSet, LockSet, TopicSet
from machat.rooms.room import Room


def isStored(room: Room, change: TopicSet | LockSet | ListingSet | KeySet) -> bool:
    """
    @return: whether the store has made this change, or is about to store it
    """
    assert room.stored is not None, "the room is open"
    last = [each for each in room.unreported if type(each) is type(change)][-1:]
    if last:
        return last[0] == change
    record = room.stored.record
    match change:
        case TopicSet():
            return record.topic == change.topic
        case ListingSet():
            return record.listed is change.listed
        case KeySet():
            return record.key == change.key
    return record.locked is change.locked


def lift(sanctions: Sanctions, room: Room, kinds: Collection[Kind], name: str) -> list[Change]:
    """
    End all sanctions of these kinds that were imposed on a name.

    @return: the changes to store
    """
    key = names.key(name)
    return sanctions.lift(room.key, kinds, name) or _unlifted(
        sanctions, room, kinds, lambda each: each.name is not None and names.key(each.name) == key
    )


def liftNetwork(sanctions: Sanctions, room: Room, network: str) -> list[Change]:
    """
    End the ban of a network.

    @return: the changes to store
    """
    return sanctions.liftNetwork(room.key, network) or _unlifted(
        sanctions, room, [Kind.ADDRESS], lambda each: each.target == network
    )


def _unlifted(
    sanctions: Sanctions,
    room: Room,
    kinds: Collection[Kind],
    match: Callable[[Imposed], bool],
) -> list[Change]:
    assert room.stored is not None, "the room is open"
    lifted = sanctions.unlifted(room.stored.record.sanctions, kinds, match)
    return [each for each in lifted if each not in room.unreported]
