"""
The mutes and bans of all rooms. Each has an end.

Each moderator has a quota, and all moderators together may use only a share of each limit. The rest
is reserved for the application and the operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime

from machat import names
from machat.clock import chatClock
from machat.errors import NOT_ALLOWED, ChatError
from machat.limits import DEFAULTS, Limits
from machat.records import Change, Imposed, Lifted

#: The share of the limits of a room and of the total that moderators may use together.
SHARE = 0.8

#: The interval between the removals of ended sanctions, seconds.
SWEEP = 60.0


class Kind(Enum):
    """
    The kind of a sanction. A C{MUTE} or a C{BAN} applies to the key of a name, an C{ADDRESS} is the
    ban of a network: see L{machat.addresses.networkOf}.
    """

    MUTE = "mute"
    BAN = "ban"
    ADDRESS = "address"


#: The target of a sanction: its kind, and the key of a name or a network.
Target = tuple[Kind, str]


class Sanction(NamedTuple):
    """
    One mute or ban.

    @ivar until: its end, Unix time
    @ivar name: the name that was muted or banned, as the moderator spelled it; C{None} if only an
        address was banned
    @ivar by: the name of the moderator; C{None} is the application or the operator
    """

    until: float
    name: str | None
    by: str | None


class Active(NamedTuple):
    """
    An active sanction, with its room and its target.

    @ivar room: the room's key
    @ivar target: the key of a name, or a network
    """

    room: str
    kind: Kind
    target: str
    sanction: Sanction


class Sanctions:
    """
    The sanctions of the rooms that this process has opened, by the keys of the rooms. A sanction
    ends when its time is over or when it is lifted. It remains when its room is closed.
    """

    def __init__(self, clock: IReactorTime, limits: Limits = DEFAULTS) -> None:
        """
        @param limits: C{maxSanctions}, C{maxSanctionsPerRoom} and C{maxSanctionsPerModerator} apply
        """
        self._clock = chatClock(clock)
        self._limits = limits
        self._entries: dict[tuple[Kind, str], dict[str, Sanction]] = {}
        self._count = 0
        self._moderators: Counter[str] = Counter()
        self._swept = 0.0

    def __len__(self) -> int:
        return self._count

    def active(self, room: str | None = None) -> Iterator[Active]:
        """
        @param room: a room's key, or C{None} for all rooms
        @return: the sanctions that are currently active
        """
        now = self._clock.now()
        for (kind, place), entries in self._entries.items():
            if room is None or place == room:
                for target, sanction in entries.items():
                    if sanction.until > now:
                        yield Active(place, kind, target, sanction)

    def impose(
        self,
        room: str,
        targets: Collection[Target],
        name: str | None,
        seconds: float,
        by: str | None = None,
    ) -> list[Change]:
        """
        Impose sanctions. A sanction that already exists is changed to end at the new time. If one
        of the sanctions cannot be imposed, none is.

        @param name: see L{Sanction}
        @param by: see L{Sanction}
        @return: the changes to store
        @raise ChatError: C{not-allowed}: there are too many sanctions in the room, in all rooms,
            or by this moderator
        """
        sanction = Sanction(self._clock.now() + seconds, name, by)
        if not self._hasPlace(room, targets, by):
            self._sweep()
            if not self._hasPlace(room, targets, by):
                raise ChatError(NOT_ALLOWED, "too many mutes and bans: lift some first")
        for kind, target in targets:
            self._put(room, kind, target, sanction)
        return [Imposed(kind.value, target, *sanction) for kind, target in targets]

    def load(self, room: str, sanctions: Iterable[Imposed]) -> None:
        """
        Replace the sanctions of a room by those in the store.
        """
        for each in self._inRoom(room):
            self._drop((each.kind, room), each.target)
        for imposed in sanctions:
            self.put(room, imposed)

    def put(self, room: str, change: Imposed) -> None:
        """
        Impose a sanction that is stored. The limits do not apply.
        """
        sanction = Sanction(change.until, change.name, change.by)
        self._put(room, Kind(change.kind), change.target, sanction)

    def remove(self, room: str, change: Lifted) -> None:
        """
        End a sanction, if there is one.
        """
        place = (Kind(change.kind), room)
        if change.target in self._entries.get(place, ()):
            self._drop(place, change.target)

    def _put(self, room: str, kind: Kind, target: str, sanction: Sanction) -> None:
        if target in self._entries.get((kind, room), ()):
            self._drop((kind, room), target)
        self._entries.setdefault((kind, room), {})[target] = sanction
        self._count += 1
        if sanction.by is not None:
            self._moderators[_key(sanction.by)] += 1

    def lift(self, room: str, kinds: Collection[Kind], name: str) -> list[Change]:
        """
        End all sanctions of these kinds that were imposed on a name.

        @return: the changes to store
        """
        key = names.key(name)
        return self._lift(
            [
                each
                for each in self._inRoom(room)
                if each.kind in kinds and _key(each.sanction.name) == key
            ]
        )

    def liftNetwork(self, room: str, network: str) -> list[Change]:
        """
        End the ban of a network.

        @return: the changes to store
        """
        return self._lift(
            [
                each
                for each in self._inRoom(room)
                if each.kind is Kind.ADDRESS and each.target == network
            ]
        )

    def unlifted(
        self, stored: Iterable[Imposed], kinds: Collection[Kind], match: Callable[[Imposed], bool]
    ) -> list[Change]:
        """
        Find sanctions that were lifted here, but not in the store, because it failed.

        @param stored: the sanctions of the room in the store
        @return: the changes that lift those of these kinds that match
        """
        now = self._clock.now()
        return [
            Lifted(each.kind, each.target, each.name)
            for each in stored
            if Kind(each.kind) in kinds and each.until > now and match(each)
        ]

    def _lift(self, found: Collection[Active]) -> list[Change]:
        for each in found:
            self._drop((each.kind, each.room), each.target)
        return [Lifted(each.kind.value, each.target, each.sanction.name) for each in found]

    def _inRoom(self, room: str) -> list[Active]:
        if not self._count:
            return []  # nearly always
        return [
            Active(room, kind, target, sanction)
            for kind in Kind
            for target, sanction in self._entries.get((kind, room), {}).items()
        ]

    def until(self, room: str, targets: Collection[Target]) -> float | None:
        """
        @return: the latest end of the sanctions against these targets; C{None} if there are none
        """
        now = self._clock.now()
        if self._clock.seconds() - self._swept > SWEEP:
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
        @return: whether the room has sanctions of this kind. Recently ended ones may still count
        """
        return (kind, room) in self._entries

    def _hasPlace(self, room: str, targets: Collection[Target], by: str | None) -> bool:
        limits, share = self._limits, 1.0 if by is None else SHARE
        here = {(each.kind, each.target): each.sanction.by for each in self._inRoom(room)}
        more = len({*targets} - {*here})
        if by is not None:
            own = sum(_key(here.get(target)) != _key(by) for target in targets)
            if self._moderators[_key(by)] + own > limits.maxSanctionsPerModerator:
                return False
        return (
            len(here) + more <= limits.maxSanctionsPerRoom * share
            and self._count + more <= limits.maxSanctions * share
        ) or not more

    def _sweep(self) -> None:
        """
        Remove the sanctions that have ended.
        """
        self._swept, now = self._clock.seconds(), self._clock.now()
        for place, entries in list(self._entries.items()):
            for target in [each for each, found in entries.items() if found.until <= now]:
                self._drop(place, target)

    def _drop(self, place: tuple[Kind, str], target: str) -> None:
        entries = self._entries[place]
        by = entries.pop(target).by
        self._count -= 1
        if by is not None:
            self._moderators[_key(by)] -= 1
            if not self._moderators[_key(by)]:
                del self._moderators[_key(by)]
        if not entries:
            del self._entries[place]


def _key(name: str | None) -> str:
    return "" if name is None else names.key(name)
