"""
The stop of a chat: its stages, and the notification of connections and members.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from machat.connections.registry import Connections
from machat.errors import FAILED, SHUTDOWN, ChatError, Disconnect
from machat.interfaces import IChatMember, IClientConnection
from machat.rooms.batch import Batch
from machat.rooms.directory import Directory
from machat.rooms.registry import Rooms
from machat.rooms.room import Room

#: The number of connections ended per turn, the number that should reconnect per second, and the
#: longest time over which reconnects are spread, seconds.
_DISMISSED = 500
_RETURNING = 1000
_LONGEST = 30.0

STOPPING = "the chat is stopping"


class Stage(Enum):
    """
    The progress of a stop: C{DISMISSING} until all connections and members are notified,
    C{DRAINING} until all connections are closed and the store has all messages, C{CLOSING} until
    the store has stopped.
    """

    DISMISSING = "dismissing"
    DRAINING = "draining"
    CLOSING = "closing"
    OVER = "over"


class Stop:
    """
    One stop, which may be requested several times.

    @ivar stage: see L{Stage}
    @ivar last: the last batches that were sent before the stop
    @ivar settled: fires when the store has these, or when L{settle} is called
    """

    def __init__(self) -> None:
        self.stage = Stage.DISMISSING
        self.last: list[tuple[Room, Batch | None]] = []
        self.settled: Deferred[None] = Deferred()
        self._waiting: list[Deferred[None]] = []

    def wait(self) -> Deferred[None]:
        """
        @return: fires when the stop is over
        """
        waiting: Deferred[None] = Deferred()
        if self.stage is Stage.OVER:
            waiting.callback(None)
        else:
            self._waiting.append(waiting)
        return waiting

    def settles(self) -> bool:
        """
        @return: whether the store has not yet stored or refused all of L{last}
        """
        return any([batch in (room.batch, room.storing) for room, batch in self.last])

    def settle(self) -> None:
        """
        Wait no longer for the last batches.
        """
        self.last = []
        if not self.settled.called:
            self.settled.callback(None)

    def finish(self) -> None:
        """
        End the stop.
        """
        self.stage = Stage.OVER
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


class Dismissals:
    """
    Notifies connections and members that the chat stops.
    """

    _log = Logger()

    def __init__(self, connections: Connections, directory: Directory, rooms: Rooms) -> None:
        self._connections = connections
        self._directory = directory
        self._rooms = rooms
        self._ending: set[object] = set()

    def dismiss(self, member: IChatMember) -> None:
        """
        Notify one member. Do nothing if the call comes from inside the notification of this member.
        """
        if member not in self._ending:
            self._end(member, SHUTDOWN)

    async def connections(self, clock: IReactorTime, going: Callable[[], bool]) -> None:
        """
        Notify all connections, some hundreds per turn, with different reconnect times.

        @param going: returns whether the chat is still stopping
        """
        connections = list(self._connections)
        spread = min(_LONGEST, len(connections) / _RETURNING + 1)
        for index, connection in enumerate(connections, 1):
            retry = round(random.uniform(0, spread), 2)
            self._end(connection, replace(SHUTDOWN, retry=retry))
            if not index % _DISMISSED:
                await deferLater(clock, 0)
                if not going():
                    return

    def members(self) -> None:
        """
        Notify the members without a connection, each once, after it has left all rooms.
        """
        stays = [(member, room.name) for room in self._directory for member in room.members]
        arrivals = self._rooms.arrivals()
        members = [member for member, _ in stays] + [arrival.member for arrival in arrivals]
        for member, name in stays:
            self._rooms.leave(member, name)
        for member in dict.fromkeys(members):
            self._end(member, SHUTDOWN)
        for arrival in arrivals:
            arrival.withdraw(ChatError(FAILED, STOPPING))

    def _end(self, member: IChatMember | IClientConnection, end: Disconnect) -> None:
        self._ending.add(member)
        try:
            member.disconnected(end)
        except Exception:
            self._log.failure("disconnected() of a member raised an exception")
        finally:
            self._ending.discard(member)
