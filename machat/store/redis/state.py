"""
The difference between two states of a room.
"""

from __future__ import annotations

from machat.records import Change, KeySet, Lifted, ListingSet, LockSet, RoomRecord, TopicSet


def changesBetween(before: RoomRecord, after: RoomRecord) -> list[Change]:
    """
    @return: the changes that lead from one state to the other
    """
    old = {(each.kind, each.target): each for each in before.sanctions}
    kept = {(each.kind, each.target) for each in after.sanctions}
    changes: list[Change] = [Lifted(*target) for target in old if target not in kept]
    changes += [each for each in after.sanctions if old.get((each.kind, each.target)) != each]
    if after.topic != before.topic:
        changes.append(TopicSet(after.topic))
    if after.locked != before.locked:
        changes.append(LockSet(after.locked))
    if after.listed != before.listed and after.listed is not None:
        changes.append(ListingSet(after.listed))
    if after.key != before.key:
        changes.append(KeySet(after.key))
    return changes
