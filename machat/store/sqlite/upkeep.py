"""
The upkeep of the database: the order in which it deletes data that exceeds the limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from machat.clock import ChatClock
from machat.limits import Limits
from machat.store.shares import RELIEF
from machat.store.sqlite import planning, retention
from machat.store.sqlite.database import DAY, Database
from machat.store.sqlite.planning import Cut
from machat.store.sqlite.retention import Deleted
from machat.store.sqlite.scanner import Scanner
from machat.store.sqlite.schema import usedBy
from machat.store.sqlite.writer import Task, Writer

if TYPE_CHECKING:
    from machat.store.sqlite.room import SqliteRoom

#: The interval at which old messages, ids and sanctions are deleted, seconds; and the number of
#: such intervals after which unused rooms are deleted.
INTERVAL = 60.0
ROOMS = 60

#: The rooms are counted again after this number of times the duration of the last count.
COUNT = 100

#: The time for which nothing is deleted because of its age, after the system's clock was set
#: forward by more than a day, seconds.
GRACE = 3600.0


class AgeClock:
    """
    The time of day that decides about ages.

    A system's clock that is wrong by a year must not delete everything that is stored. If the clock
    has advanced by more than a day, compared with the time since the last call or with the newest
    message at the start, it is not believed for an hour. Meanwhile, the time continues from its
    last credible value.
    """

    _log = Logger()

    def __init__(self, clock: ChatClock, newest: float) -> None:
        """
        @param newest: the time of the newest message, Unix time; 0 if there is none
        """
        self._clock = clock
        self._last = newest or clock.now()
        self._seconds = clock.seconds()
        self._suspect: float | None = None

    def now(self) -> float:
        """
        @return: Unix time
        """
        seconds, now = self._clock.seconds(), self._clock.now()
        expected = self._last + seconds - self._seconds
        if now > expected + DAY / 1000:
            if self._suspect is None:
                self._suspect = seconds
                self._log.warn(
                    "the clock is {days:.0f} days ahead of the stored messages: none are deleted"
                    " because of their age for an hour. If the clock is wrong, set it now",
                    days=(now - expected) / 86400,
                )
            if seconds - self._suspect < GRACE:
                return expected
        self._suspect = None
        self._last, self._seconds = now, seconds
        return now


class Upkeep:
    """
    Chooses the next step, see L{machat.store.sqlite.retention}.

    @ivar counted: the numbers of rooms and of messages; C{None} if they have not been counted yet
    """

    def __init__(
        self,
        clock: ChatClock,
        limits: Limits,
        writer: Writer,
        scanner: Scanner,
        opened: dict[int, SqliteRoom],
    ) -> None:
        """
        @param opened: the open rooms
        """
        self._clock = clock
        self._limits = limits
        self._writer = writer
        self._scanner = scanner
        self._opened = opened
        self._part = limits.logTotal // RELIEF
        self._limit = limits.logTotal
        self._trims: dict[int, SqliteRoom] = {}
        self._cuts: list[Cut] = []
        self._unwanted: list[int] = []
        self._steps: list[Callable[[], Task]] = []
        self._planning = False
        self._relieving = 0  # the bytes in use before the last deletion
        self._counting = 0.0
        self.counted: tuple[int, int] | None = None
        self._ticks = 0
        self._timer: IDelayedCall | None = None
        self._database: Database | None = None
        self._ages: AgeClock | None = None

    def start(self, database: Database, newest: int) -> None:
        """
        @param newest: the time of the newest message, ms since 1970
        """
        self._database = database
        self._ages = AgeClock(self._clock, newest / 1000)
        self._ticks = 0
        self._limit = self._limits.logTotal
        self._planning, self._relieving = False, 0
        self._counting = 0.0
        self._writer.upkeep = self._next
        self._tick()

    def stop(self) -> None:
        """
        End the upkeep.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._database = None
        self._trims.clear()
        self._cuts.clear()
        self._unwanted = []
        self._steps.clear()

    def now(self) -> float:
        """
        @return: the time that decides about ages, Unix time: see L{AgeClock}
        """
        assert self._ages is not None
        return self._ages.now()

    def oldest(self) -> int:
        """
        @return: the age limit, as a value of C{Message.at}
        """
        return int(max(0.0, self.now() - self._limits.logAge) * 1000)

    def trim(self, room: SqliteRoom) -> None:
        """
        A room exceeds its limits.
        """
        self._trims[room.id] = room

    def _tick(self) -> None:
        """
        Begin the steps that are due.
        """
        self._timer = self._clock.callLater(INTERVAL, self._tick)
        if not self._steps:
            self._steps = [
                partial(self._expire, 0),
                self._expireIds,
                self._expireSanctions,
                partial(self._repeated, retention.shrink),
                partial(self._repeated, retention.checkpoint),
            ]
            if self._ticks % ROOMS == 0:
                self._steps.insert(3, partial(self._forget, 0))
            self._ticks += 1
        self._writer.wake()
        if self._clock.seconds() >= self._counting:
            self._counting = math.inf
            began = self._clock.seconds()
            self._scanner.read(planning.count).addCallbacks(self._count, bool, (began,))

    def _count(self, counted: tuple[int, int], began: float) -> None:
        """
        Count again after a time that depends on the time that it takes.
        """
        self.counted = counted
        now = self._clock.seconds()
        self._counting = now + COUNT * (now - began)

    def _next(self) -> Task | None:
        """
        @return: the next step
        """
        if self._database is None:
            return None
        if self._trims:
            _, room = self._trims.popitem()
            limits, tail = self._limits, room.tail
            cut = Cut(room.id, tail.seq - limits.logMessages, tail.total - limits.logBytes)
            return self._trimming(cut)
        if self._cuts:
            return self._trimming(self._cuts.pop())
        if self._unwanted:
            return self._deleting()
        self._checkTotal()
        if self._steps:
            return self._steps.pop(0)()
        return None

    def _trimming(self, cut: Cut) -> Task:
        assert self._database is not None
        return partial(retention.trim, self._database, cut), partial(self._trimmed, cut)

    def _trimmed(self, cut: Cut, deleted: Deleted) -> None:
        self._record(deleted)
        if deleted.more:
            self._cuts.append(cut)

    def _deleting(self) -> Task:
        assert self._database is not None
        rooms = [id for id in self._unwanted[: retention.STEP] if id not in self._opened]
        rest = self._unwanted[retention.STEP :]

        def done(result: tuple[Deleted, int]) -> None:
            deleted, count = result
            self._record(deleted)
            if self._database is not None:
                self._unwanted = rooms[count:] + rest

        return partial(retention.delete, self._database, rooms), done

    def _record(self, deleted: Deleted) -> None:
        self._writer.used = deleted.used
        for id, head in deleted.heads.items():
            room = self._opened.get(id)
            if room is not None:
                room.head = head

    def _checkTotal(self) -> None:
        """
        If the total is exceeded, plan a deletion. If the last one freed less than a part, not
        enough may be deleted: try again when the file has grown by another part.
        """
        used = self._writer.used
        if self._planning:
            return
        before, self._relieving = self._relieving, 0
        if before and used > before - self._part:
            self._limit = used + self._part
        self._limit = max(self._limits.logTotal, min(self._limit, used + self._part))
        if used <= self._limit:
            return
        self._planning, self._relieving = True, used
        most = self._limits.logTotal - self._part
        opened = frozenset(self._opened)
        reading = self._scanner.read(lambda db: (usedBy(db), *planning.plan(db, most, opened)))
        reading.addCallbacks(self._planned, lambda _: None)
        reading.addBoth(lambda _: setattr(self, "_planning", False))

    def _planned(self, plan: tuple[int, list[int], list[Cut]]) -> None:
        self._relieving, self._unwanted, self._cuts = plan
        self._writer.wake()

    def _expire(self, cursor: int) -> Task:
        assert self._database is not None
        now = int(self._clock.now() * 1000)
        return (
            partial(retention.expire, self._database, self.oldest(), now, cursor),
            self._expired,
        )

    def _expired(self, deleted: Deleted) -> None:
        self._record(deleted)
        if deleted.more:
            self._steps.insert(0, partial(self._expire, deleted.cursor))

    def _forget(self, cursor: int) -> Task:
        assert self._database is not None
        now = int(self._clock.now() * 1000)
        opened = frozenset(self._opened)
        return (
            partial(retention.forget, self._database, self.oldest(), now, opened, cursor),
            self._forgotten,
        )

    def _forgotten(self, result: tuple[int, bool]) -> None:
        cursor, more = result
        if more:
            self._steps.insert(0, partial(self._forget, cursor))

    def _expireIds(self) -> Task:
        now, remembered = int(self._clock.now() * 1000), int(self._limits.remembered * 1000)
        return self._repeated(lambda db: retention.expireIds(db, now, remembered))

    def _expireSanctions(self) -> Task:
        now = self.now()
        return self._repeated(lambda db: retention.expireSanctions(db, now))

    def _repeated(self, step: Callable[[Database], bool]) -> Task:
        """
        @param step: returns whether there is more to do
        """

        def done(more: Any) -> None:
            if more:
                self._steps.insert(0, partial(self._repeated, step))

        assert self._database is not None
        return partial(step, self._database), done
