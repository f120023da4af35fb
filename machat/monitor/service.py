"""
The documents of the monitor: C{/metrics}, C{/healthz}, C{/readyz}, C{/rooms} and C{/sanctions}.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import Any

from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from twisted.application.internet import TimerService
from twisted.application.service import MultiService
from twisted.python.failure import Failure
from twisted.web.http import Request

from machat.clock import chatClock
from machat.errors import ChatError
from machat.http.messages import Answer, line
from machat.interfaces import ISharedRooms
from machat.interfaces.listing import Occupied
from machat.metrics import Histogram
from machat.monitor.collector import ChatCollector, downFor, isReady
from machat.monitor.site import exposed, freshJSON, siteOf
from machat.service import ChatService

#: The interval at which the reactor's lag is measured, and the histogram's upper bounds, seconds.
LAG_EVERY = 0.25
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

#: The maximum number of rooms in C{/rooms}; the largest ones are listed.
LISTED = 1_000


def _nothing(failure: Failure) -> tuple[int, Sequence[Occupied]]:
    """
    @return: the rooms of other servers, while the store is not available
    """
    failure.trap(ChatError)
    return 0, ()


class Monitor(MultiService):
    """
    Measures the lag of the reactor, and serves the metrics. Listen with C{site} to make them
    available.

    @ivar site: the L{Site}
    """

    def __init__(
        self, reactor: Any, chats: Sequence[ChatService], hosts: Sequence[str] = ()
    ) -> None:
        """
        @param reactor: the reactor
        @param chats: the chats to report
        @param hosts: the only hosts that requests may name, see L{Hosts}; by default all
        """
        MultiService.__init__(self)
        self._clock = chatClock(reactor)
        self._chats = chats
        self._lag = Histogram(LAG_SECONDS)
        self._last: float | None = None
        self._registry = CollectorRegistry()
        self._registry.register(ChatCollector(reactor, chats, self._lag))
        ProcessCollector(registry=self._registry)
        self.site = siteOf(
            hosts,
            {
                "metrics": self._metrics,
                "healthz": self._health,
                "readyz": self._readiness,
                "rooms": self._rooms,
                "sanctions": self._sanctions,
            },
        )
        timer = TimerService(LAG_EVERY, self._measure)
        timer.clock = reactor
        timer.setServiceParent(self)

    def _measure(self) -> None:
        now = self._clock.seconds()
        if self._last is not None:
            self._lag.observe(max(0.0, now - self._last - LAG_EVERY))
        self._last = now

    def _metrics(self, request: Request) -> Answer:
        return exposed(request, self._registry)

    def _health(self, request: Request) -> Answer:
        return line(200, "ok")

    def _readiness(self, request: Request) -> Answer:
        return line(*self.readiness())

    async def _rooms(self, request: Request) -> Answer:
        return freshJSON(await self.rooms(LISTED))

    def _sanctions(self, request: Request) -> Answer:
        return freshJSON(self.sanctions())

    @property
    def collector(self) -> Collector:
        """
        All metrics.
        """
        return self._registry

    def readiness(self) -> tuple[int, str]:
        """
        @return: the status and the text of C{/readyz}
        """
        if not isReady(self._chats):
            return 503, "draining"
        for chat in self._chats:
            health = chat.store.health()
            if not health.up:
                down = downFor(health, chat.clock.seconds())
                text = f"the store is down for {down:.0f} s: {health.reason}"
                # if only this server uses the store, no other server can do better
                return (503, text) if chat.store.shared else (200, f"ready, but {text}")
        return 200, "ready"

    async def rooms(self, most: int) -> dict[str, Any]:
        """
        @param most: the maximum number of rooms
        @return: the largest rooms with members, as in C{/rooms}. C{members} are those on this
            server, and C{names} is the number of names on all servers with its store. While the
            store is not available, the rooms are those with members on this server
        """
        count = 0
        rooms: dict[tuple[int, str], dict[str, Any]] = {}
        for number, chat in enumerate(self._chats):
            for room in chat.rooms:
                seq = room.position.seq if room.position else None
                names = {"room": room.name, "members": len(room), "names": len(room.occupants)}
                rooms[number, room.name] = {**names, "seq": seq}
            shared = ISharedRooms(chat.store, None)
            found = (0, ()) if shared is None else await shared.occupied().addErrback(_nothing)
            count += max(found[0], len(chat.rooms))
            for each in found[1]:
                known = {"room": each.name, "members": 0, "names": each.members, "seq": each.seq}
                rooms.setdefault((number, each.name), known)
        largest = nlargest(most, rooms.values(), key=lambda room: (room["names"], room["members"]))
        return {"count": count, "rooms": largest}

    def sanctions(self) -> list[dict[str, Any]]:
        """
        @return: the active sanctions, as in C{/sanctions}
        """
        active = [each for chat in self._chats for each in chat.moderation.sanctions()]
        return [
            {
                "room": each.room,
                "kind": each.kind.value,
                "target": each.target,
                "name": each.sanction.name,
                "until": each.sanction.until,
                "by": each.sanction.by,
            }
            for each in active
        ]
