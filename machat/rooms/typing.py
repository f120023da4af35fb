"""
The signal that a member is typing. It has no number, is not stored, and may be dropped.
"""

from __future__ import annotations

from machat.events import Typing
from machat.interfaces import IChatMember
from machat.rooms.room import Room

#: The minimum time between two signals of a name in a room, seconds.
PAUSE = 3.0

#: The number of names in a room above which the signals are dropped.
LARGEST = 100


def announceTyping(room: Room, member: IChatMember, now: float) -> None:
    """
    Report to the other members that watch a room that a member is typing. If the room has members
    of other processes, those processes report it to the members that watch it there.

    @param now: the time, seconds
    """
    elsewhere = room.stored is not None and bool(room.occupants.elsewhere)
    if not (room.watched or elsewhere) or len(room.occupants) > LARGEST:
        return
    claim = room.members[member]
    typists = room.typists or {}
    if now - typists.get(claim.key, -PAUSE) < PAUSE:
        return
    recent = {key: at for key, at in typists.items() if now - at < PAUSE}
    if len(recent) <= LARGEST:
        room.typists = {**recent, claim.key: now}
        if room.watched:
            room.announce(Typing(room=room.name, sender=claim.name), member)
        if elsewhere and room.stored is not None:
            room.stored.typing(claim.name)
