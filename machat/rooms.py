"""
The rooms of one chat by name: who comes, who goes, and what was said before.

Rooms come into being at the first join and go when the last member has left. What can be awaited
keeps its room in being meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from twisted.internet.interfaces import IReactorTime

from machat import names
from machat.errors import ALREADY_JOINED, NOT_ALLOWED, NOT_JOINED, ROOM_FULL, ChatError
from machat.events import History, Joined, Members, Message, Position
from machat.hooks import Guard
from machat.interfaces import IChatMember, IMessageLog, IRoster
from machat.limits import Limits
from machat.metrics import Metrics
from machat.presence import Attendance
from machat.replay import lastMessages, messagesSince
from machat.room import Room
from machat.rules import Rules


class Rooms:
    """
    What L{IChatRoom} promises, of joining and leaving and of what can be read.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits,
        log: IMessageLog,
        roster: IRoster,
        guard: Guard | None,
        metrics: Metrics,
        rules: Rules,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._log = log
        self._roster = roster
        self._guard = guard
        self._metrics = metrics
        self._rules = rules
        self._rooms: dict[str, Room] = {}

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._rooms.values()))

    def __len__(self) -> int:
        return len(self._rooms)

    def get(self, name: str) -> Room | None:
        """
        @return: the room of this name, if there is one
        """
        return self._rooms.get(names.key(name))

    def find(self, member: IChatMember, name: str) -> Room:
        """
        @return: a room that the member is in
        @raise ChatError: C{not-joined}
        """
        room = self._rooms.get(name.lower() if name.isascii() else names.key(name))
        if room is None or member not in room:
            raise ChatError(NOT_JOINED, "not in that room")
        return room

    async def join(
        self,
        member: IChatMember,
        roomName: str,
        since: Position | None,
        history: int,
        watch: bool,
        known: bool,
    ) -> Joined:
        """
        See L{IChatRoom.join}.

        @param known: see L{IRoster.claim}
        """
        name = names.checkName(member.name)
        room = self._open(names.checkRoom(roomName))
        try:
            if member in room:
                raise ChatError(ALREADY_JOINED, f"already in {room.name}")
            if len(room) >= self._limits.members:
                raise ChatError(ROOM_FULL, f"{room.name} has {self._limits.members} members")
            self._rules.requireJoin(member, name, room)
            if self._guard is not None:
                await self._guard.mayJoin(member, room)
            first = await self._roster.claim(room.name, name, known)
            try:
                if room.position is None:
                    await self._follow(room)
                replay = await self._replay(room, since, history)
                self._rules.requireJoin(member, name, room)  # meanwhile it may have been banned
            except BaseException:
                self._roster.release(room.name, name)
                raise
            self._enter(room, member, name, watch, first)
            if member not in room:
                raise ChatError(NOT_ALLOWED, f"removed from {room.name}")
        finally:
            self.release(room)
        return self._joined(room, name, since, replay, watch)

    def _open(self, name: str) -> Room:
        key = names.key(name)
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = Room(name, self._metrics)
            self._rules.begin(room)
        room.holds += 1
        return room

    def release(self, room: Room) -> None:
        """
        End one of the room's C{holds}.
        """
        room.holds -= 1
        self._closeIfDeserted(room)

    async def _follow(self, room: Room) -> None:
        if room.opening is None:
            deliver = partial(self._guard.deliver, room) if self._guard else room.deliver
            room.opening = self._log.follow(room.key, deliver)
            room.opening.addCallback(room.follows)
        await room.opening
        if room.position is None:
            raise RuntimeError(f"the log of {room.name} could not be opened")

    async def _replay(
        self, room: Room, since: Position | None, history: int
    ) -> tuple[Message, ...] | None:
        if since is not None:
            return await messagesSince(self._log, room, since, self._limits.history)
        if history > 0:
            return await lastMessages(self._log, room, min(history, self._limits.history))
        return ()

    def _enter(self, room: Room, member: IChatMember, name: str, watch: bool, first: bool) -> None:
        room.add(member, name)
        room.doubles += not first
        if watch:
            room.watch(member)
        if room.attendance is not None:
            room.attendance.came(name)
        elif watch:
            room.attendance = Attendance(
                room.name, room.names(), self._clock, self._limits, room.announce
            )
        if self._guard is not None:
            self._guard.joined(member, room)

    def _joined(
        self,
        room: Room,
        name: str,
        since: Position | None,
        replay: tuple[Message, ...] | None,
        watch: bool,
    ) -> Joined:
        assert room.position is not None, "the log is followed"
        epoch, seq = room.position.epoch, room.position.seq
        present = room.attendance.names if watch and room.attendance is not None else []
        return Joined(
            room=room.name,
            name=name,
            epoch=epoch,
            seq=seq,
            count=room.present,
            recovered=None if since is None else replay is not None,
            missed=seq - since.seq if since is not None and since.epoch == epoch else None,
            members=tuple(present) if 0 < len(present) <= self._limits.listed else None,
            topic=room.topic,
            locked=room.locked,
            replay=replay or (),
        )

    def leave(self, member: IChatMember, name: str) -> None:
        """
        See L{IChatRoom.leave}.
        """
        room = self._rooms.get(names.key(name))
        if room is not None and member in room:
            name = room.remove(member)
            last = self._roster.release(room.name, name)
            room.doubles -= not last
            if room.attendance is not None:
                if last:
                    room.attendance.went(name)
                if not room.watched:
                    room.attendance.stop()
                    room.attendance = None
            self._closeIfDeserted(room)
            if self._guard is not None:
                self._guard.left(member, room)

    def _closeIfDeserted(self, room: Room) -> None:
        if room.deserted and self._rooms.get(room.key) is room:
            del self._rooms[room.key]
            if room.position is not None:
                self._log.unfollow(room.key)

    async def history(
        self,
        member: IChatMember,
        name: str,
        before: int | None,
        after: int | None,
        limit: int,
    ) -> History:
        """
        See L{IChatRoom.history}.
        """
        room = self.find(member, name)
        assert room.position is not None, "the log is followed"
        limit = min(limit, self._limits.history)
        end = room.position.seq + 1 if before is None else before
        start = max(0, end - 1 - limit) if after is None else after
        read = await self._log.read(room.key, start, limit)
        return History(
            room=room.name,
            epoch=room.position.epoch,
            seq=room.position.seq,
            messages=tuple([m for m in read if after is not None or m.seq < end]),
        )

    async def who(self, member: IChatMember, name: str) -> Members:
        """
        See L{IChatRoom.who}.
        """
        room = self.find(member, name)
        members = await self._roster.members(room.name)
        return Members(
            room=room.name, count=len(members), members=tuple(members[: self._limits.listed])
        )
