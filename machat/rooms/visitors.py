"""
Access to rooms without being a member: reading, and listening. A visitor has no name in the room,
so presence does not report it.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from machat.errors import ALREADY_JOINED, ROOM_FULL, ChatError
from machat.events import History, Joined, Members, Position
from machat.interfaces import IChatMember
from machat.limits import Limits
from machat.rooms.directory import Directory
from machat.rooms.reading import historyOf
from machat.rooms.recovery import lastMessages, messagesSince


class Visitors:
    """
    Reads rooms, and listens to them, for callers that are not in them.
    """

    def __init__(self, directory: Directory, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits

    def history(
        self,
        roomName: str,
        before: int | None = None,
        after: int | None = None,
        limit: int = 300,
    ) -> Deferred[History]:
        """
        Read stored messages of a room, see L{machat.interfaces.IChatRoom.history}.

        @return: fires with the messages; fails with L{ChatError} C{bad-room} or C{failed}
        """
        return Deferred.fromCoroutine(self._history(roomName, before, after, limit))

    async def _history(
        self, roomName: str, before: int | None, after: int | None, limit: int
    ) -> History:
        async with self._directory.visit(roomName) as room:
            return await historyOf(room, before, after, min(limit, self._limits.maxHistory))

    def members(self, roomName: str) -> Deferred[Members]:
        """
        List the names in a room.

        @return: fires with up to L{Limits.listed} names; fails with L{ChatError} C{bad-room} or
            C{failed}
        """
        return Deferred.fromCoroutine(self._members(roomName))

    async def _members(self, roomName: str) -> Members:
        async with self._directory.visit(roomName) as room:
            assert room.stored is not None, "the room is open"
            found = await room.stored.members(self._limits.listed)
            return Members(room=room.name, count=found.total, members=tuple(found.names))

    def listen(
        self,
        listener: IChatMember,
        roomName: str,
        since: Position | None = None,
        history: int = 0,
        network: str | None = None,
    ) -> Deferred[Joined]:
        """
        Deliver to a listener what the members of a room receive, until L{unlisten}.

        @param since: see L{machat.interfaces.IChatRoom.join}
        @param history: see L{machat.interfaces.IChatRoom.join}
        @param network: the network of the listener
        @return: fires with L{Joined}, before the first batch is delivered. That batch begins after
            the end of C{replay}. Fails with L{ChatError} C{bad-room}, C{already-joined},
            C{room-full} or C{failed}. Cancelling it withdraws the listener
        """
        return Deferred.fromCoroutine(self._listen(listener, roomName, since, history, network))

    async def _listen(
        self,
        listener: IChatMember,
        roomName: str,
        since: Position | None,
        history: int,
        network: str | None,
    ) -> Joined:
        async with self._directory.visit(roomName, network) as room:
            stored, most = room.stored, self._limits.maxHistory
            assert stored is not None, "the room is open"
            if since is not None:
                replay, scanned = await messagesSince(stored, room, since, most), 0
            else:
                last = await lastMessages(stored, room, min(history, most))
                replay, scanned = tuple(last.messages), last.scanned
            if room.receives(listener):
                raise ChatError(ALREADY_JOINED, f"already in {room.name}")
            if len(room.listeners) >= self._limits.maxMembers:
                text = f"{room.name} has {self._limits.maxMembers} listeners"
                raise ChatError(ROOM_FULL, text)
            room.listen(listener)
            position = room.position
            assert position is not None, "the room is open"
            covered = since is not None and since.seq <= position.seq and stored.covers(since)
            return Joined(
                room=room.name,
                name=listener.name,
                epoch=position.epoch,
                seq=position.seq,
                count=len(room.occupants),
                recovered=None if since is None else replay is not None,
                missed=position.seq - since.seq if since is not None and covered else None,
                topic=room.topic,
                locked=room.locked,
                replay=replay or (),
                scanned=scanned,
            )

    def unlisten(self, listener: IChatMember, roomName: str) -> None:
        """
        Deliver nothing more to a listener. If it does not listen to the room, nothing happens.
        """
        room = self._directory.get(roomName)
        if room is not None and listener in room.listeners:
            room.unlisten(listener)
            self._directory.closeIfDeserted(room)
