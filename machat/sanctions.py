"""
Who may not speak in which room, and who may not come in: each until some time.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime

from machat.errors import NOT_ALLOWED, ChatError

#: The most that may be in force at a time: in one room, and in all together.
ROOM = 1_000
TOTAL = 10_000

#: How often what has ended is looked for, seconds.
SWEEP = 60.0


class Kind(Enum):
    """
    What is not allowed: a C{MUTE} is of a name's key and a C{BAN} too, an C{ADDRESS} is a ban of a
    network, see L{machat.peers.networkOf}.
    """

    MUTE = "mute"
    BAN = "ban"
    ADDRESS = "address"


#: What a sanction is against.
Target = tuple[Kind, str]


class Sanction(NamedTuple):
    """
    @ivar until: its end, Unix time
    @ivar label: the name's key, or the network, with which it can be lifted
    """

    until: float
    label: str


class Sanctions:
    """
    All of one chat, by the keys of its rooms. They need no member and outlive the rooms: one ends
    at its time or when it is lifted.
    """

    def __init__(self, clock: IReactorTime, room: int = ROOM, total: int = TOTAL) -> None:
        """
        @param room: the most of one room
        @param total: the most of all rooms
        """
        self._clock = clock
        self._room = room
        self._total = total
        self._entries: dict[tuple[Kind, str], dict[str, Sanction]] = {}
        self._count = 0
        self._swept = 0.0

    def __len__(self) -> int:
        return self._count

    def impose(self, room: str, targets: Collection[Target], label: str, seconds: float) -> float:
        """
        Begin some anew, or have them end at another time; all or none.

        @return: their end
        @raise ChatError: C{not-allowed}: there are too many already
        """
        until = self._clock.seconds() + seconds
        if self._lacksPlace(room, targets):
            self._sweep()
            if self._lacksPlace(room, targets):
                raise ChatError(NOT_ALLOWED, "too many mutes and bans: lift some first")
        for kind, target in targets:
            entries = self._entries.setdefault((kind, room), {})
            self._count += target not in entries
            entries[target] = Sanction(until, label)
        return until

    def lift(self, room: str, kinds: Collection[Kind], label: str) -> bool:
        """
        End all of these kinds that were imposed with this label, or are against what it names.

        @return: whether there were any
        """
        lifted = [
            ((kind, room), target)
            for kind in kinds
            for target, sanction in self._entries.get((kind, room), {}).items()
            if label in (sanction.label, target)
        ]
        for place, target in lifted:
            self._drop(place, target)
        return bool(lifted)

    def until(self, room: str, targets: Collection[Target]) -> float | None:
        """
        @return: the end of the one that lasts longest, C{None} where there is none
        """
        now = self._clock.seconds()
        if now - self._swept > SWEEP:
            self._sweep()
        ends = [
            found.until
            for kind, target in targets
            if (found := self._entries.get((kind, room), {}).get(target)) is not None
            and found.until > now
        ]
        return max(ends, default=None)

    def has(self, room: str, kind: Kind) -> bool:
        """
        @return: whether there is any; one that has ended may count a while longer
        """
        return (kind, room) in self._entries

    def _lacksPlace(self, room: str, targets: Collection[Target]) -> bool:
        known = {(k, target) for k in Kind for target in self._entries.get((k, room), ())}
        more = len({*targets} - known)
        return more > self._room - len(known) or more > self._total - self._count

    def _sweep(self) -> None:
        """
        Forget what has ended.
        """
        now = self._swept = self._clock.seconds()
        for place, entries in list(self._entries.items()):
            for target in [each for each, found in entries.items() if found.until <= now]:
                self._drop(place, target)

    def _drop(self, place: tuple[Kind, str], target: str) -> None:
        entries = self._entries[place]
        del entries[target]
        self._count -= 1
        if not entries:
            del self._entries[place]
