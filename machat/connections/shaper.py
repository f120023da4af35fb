"""
Byte rates that several senders share: those of a room, or of the connections from one network.

A rate per sender is not enough: many senders within their own rates can still send more to a room
than its members can read. A L{Shaper} limits their total rate and shares it fairly.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: The burst, seconds: the bytes that the rate allows in this time may be sent at once. A larger
#: message is sent on credit.
BURST = 1.0

#: The tolerance for rounding errors in sums of times, seconds.
_SLACK = 1e-9

#: The number of shapers, or senders, above which idle ones are removed.
_FEW = 64


class Shaper:
    """
    Weighted fair queueing at one byte rate, with the same weight for each sender.

    Virtual time is the number of bytes that each waiting sender has been granted so far. A message
    is due at the virtual time at which its last byte would be sent if all waiting messages were
    sent in parallel. Therefore small messages precede large ones, and every sender gets the same
    share. Each sender has at most one waiting message.

    @ivar full: the time at which the whole rate will be free again
    """

    __slots__ = ("_clock", "_rate", "full", "_virtual", "_due", "_queue", "_count", "_timer")

    def __init__(self, clock: IReactorTime, rate: float) -> None:
        """
        @param clock: runs the timer
        @param rate: the rate in bytes per second
        """
        self._clock = clock
        self._rate = rate
        self.full = 0.0
        self._virtual = 0.0
        self._due: dict[object, float] = {}
        self._queue: list[tuple[float, int, int, Deferred[None]]] = []
        self._count = 0
        self._timer: IDelayedCall | None = None

    @property
    def idle(self) -> bool:
        """
        Whether this shaper behaves exactly like a new one.
        """
        return not self._queue and self.full <= self._clock.seconds()

    def take(self, sender: object, size: int) -> Deferred[None] | None:
        """
        Take bytes of the rate.

        @param sender: the sender, any hashable object
        @param size: the number of bytes
        @return: C{None} if the bytes may be sent now; else fires with C{None} when they may. It may
            be cancelled
        """
        if not self._queue:
            now = self._clock.seconds()
            full = (self.full if self.full > now else now) + size / self._rate
            if full - now <= BURST or self._delay(size) <= _SLACK:
                self.full = full
                return None
        due = max(self._virtual, self._due.get(sender, 0.0)) + size
        self._due[sender] = due
        if self._queue and due < self._queue[0][0] and self._delay(size) <= _SLACK:
            self._serve(size)
            return None
        waiting: Deferred[None] = Deferred(self._cancelled)
        self._count += 1
        heappush(self._queue, (due, self._count, size, waiting))
        self._schedule()
        return waiting

    def fullAfter(self, size: int, now: float) -> float | None:
        """
        @param now: the time of the clock
        @return: the value of L{full} after this number of bytes; C{None} if they have to wait
        """
        full = (self.full if self.full > now else now) + size / self._rate
        return None if self._queue or full - now > BURST else full

    def _delay(self, size: int) -> float:
        """
        @return: the time until this number of bytes, or a whole burst if that is less, may be sent
        """
        ahead = max(0.0, self.full - self._clock.seconds())
        return ahead + min(size / self._rate, BURST) - BURST

    def _spend(self, size: int) -> None:
        self.full = max(self.full, self._clock.seconds()) + size / self._rate

    def _serve(self, size: int) -> None:
        """
        Spend the bytes of one waiting message.
        """
        self._spend(size)
        self._virtual += size / (len(self._queue) + 1)
        if len(self._due) > 2 * len(self._queue) + _FEW:
            self._due = {each: due for each, due in self._due.items() if due > self._virtual}

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            delay = max(0.0, self._delay(self._queue[0][2]))
            self._timer = self._clock.callLater(delay, self._serveDue)
        else:
            self._virtual = 0.0
            self._due = {}

    def _serveDue(self) -> None:
        self._timer = None
        while self._queue and self._delay(self._queue[0][2]) <= _SLACK:
            _, _, size, waiting = heappop(self._queue)
            self._serve(size)
            waiting.callback(None)
        self._schedule()

    def _cancelled(self, cancelled: Deferred[None]) -> None:
        self._queue = [entry for entry in self._queue if entry[3] is not cancelled]
        heapify(self._queue)
        self._schedule()


class Shapers:
    """
    The L{Shaper}s of all rooms, or of all networks, with recent messages.

    @ivar rate: the rate of each of them, bytes per second
    """

    def __init__(self, clock: IReactorTime, rate: float) -> None:
        """
        @param clock: runs the timers
        @param rate: the rate of each shaper in bytes per second; C{inf} disables the limit
        """
        self.rate = rate
        self._clock = clock
        self._shapers: dict[str, Shaper] = {}
        self._most = _FEW

    def get(self, key: str) -> Shaper:
        """
        @param key: the key of the room, or the network
        @return: its shaper, which is created if necessary
        """
        shaper = self._shapers.get(key)
        if shaper is None:
            self._forgetIdle()
            shaper = self._shapers[key] = Shaper(self._clock, self.rate)
        return shaper

    def take(self, key: str, sender: object, size: int) -> Deferred[None] | None:
        """
        See L{Shaper.take}.

        @param key: the key of the room, or the network
        """
        return None if self.rate == inf else self.get(key).take(sender, size)

    def _forgetIdle(self) -> None:
        if len(self._shapers) >= self._most:
            self._shapers = {key: each for key, each in self._shapers.items() if not each.idle}
            self._most = max(_FEW, 2 * len(self._shapers))


class SharedRates:
    """
    The byte rates of all rooms and of all networks, as one limit.

    @ivar rooms: the shapers of the rooms
    @ivar networks: the shapers of the networks
    """

    def __init__(self, clock: IReactorTime, roomRate: float, networkRate: float) -> None:
        """
        @param roomRate: the rate of each room, bytes per second; C{inf} disables this limit
        @param networkRate: the rate of each network, in the same way
        """
        self.rooms = Shapers(clock, roomRate)
        self.networks = Shapers(clock, networkRate)
        self._clock = clock

    def takeFree(self, network: str | None, room: str, size: int) -> bool:
        """
        Take bytes of both rates, if all of them are free.

        @param network: the network of the sender; C{None} if it has none
        @param size: the total size of the messages, bytes
        @return: whether they were taken
        """
        seconds = self._clock.seconds  # calling an attribute that is not a method takes longer
        now = seconds()
        ofNetwork = networkFull = None
        if network is not None and self.networks.rate != inf:
            ofNetwork = self.networks.get(network)
            networkFull = ofNetwork.fullAfter(size, now)
            if networkFull is None:
                return False
        if self.rooms.rate != inf:
            ofRoom = self.rooms.get(room)
            roomFull = ofRoom.fullAfter(size, now)
            if roomFull is None:
                return False
            ofRoom.full = roomFull
        if ofNetwork is not None and networkFull is not None:
            ofNetwork.full = networkFull
        return True

    def take(
        self, network: str | None, room: str, sender: object, size: int
    ) -> Deferred[None] | None:
        """
        Take bytes of the network's rate, then of the room's.

        @return: as L{Shaper.take}
        """
        waiting = None if network is None else self.networks.take(network, sender, size)
        if waiting is None:
            return self.rooms.take(room, sender, size)
        return waiting.addCallback(lambda _: self.rooms.take(room, sender, size))
