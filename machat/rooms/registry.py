"""
The rooms of one chat by name: joins, leaves and reading.

A room is created at the first join and removed when the last member has left. A room is not removed
while an operation on it is pending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat import names
from machat.errors import (
    ALREADY_JOINED,
    FAILED,
    NAME_SILENT,
    NAME_TAKEN,
    NOT_ALLOWED,
    NOT_JOINED,
    ROOM_FULL,
    ChatError,
)
from machat.events import History, Joined, Members, Message, Position
from machat.interfaces import IChatMember, IMessageLog, IRoomPolicy, IRoster
from machat.limits import Limits
from machat.metrics import Metrics
from machat.rooms.arrival import Arrival, Wish
from machat.rooms.hookrunner import FAULT, HookRunner
from machat.rooms.presence import Attendance
from machat.rooms.recovery import lastMessages, messagesSince
from machat.rooms.room import Room

#: The messages that a member has missed; C{None} if they cannot be determined.
Replay = tuple[Message, ...] | None


class Rooms:
    """
    The rooms of one chat: the parts of L{IChatRoom} that join, leave and read.

    @ivar byKey: the rooms by the keys of their names, see L{machat.names.key}. Do not change it
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits,
        log: IMessageLog,
        roster: IRoster,
        hookRunner: HookRunner | None,
        metrics: Metrics,
        policy: IRoomPolicy,
        requireOpen: Callable[[IChatMember], None],
    ) -> None:
        """
        @param requireOpen: raises L{ChatError} for a joining member while the chat stops
        """
        self._clock = clock
        self._limits = limits
        self._messageLog = log
        self._roster = roster
        self._hookRunner = hookRunner
        self._metrics = metrics
        self._policy = policy
        self._requireOpen = requireOpen
        self.byKey: dict[str, Room] = {}
        self._arrivals: dict[tuple[str, IChatMember], Arrival] = {}

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self.byKey.values()))

    def __len__(self) -> int:
        return len(self.byKey)

    def get(self, name: str) -> Room | None:
        """
        @return: the room of this name, if there is one
        """
        return self.byKey.get(names.key(name))

    def networkOf(self, key: str) -> str | None:
        """
        @return: L{Room.network} of the room with this key
        """
        room = self.byKey.get(key)
        return None if room is None else room.network

    def find(self, member: IChatMember, name: str) -> Room:
        """
        @return: a room that the member is in
        @raise ChatError: C{not-joined}
        """
        room = self.byKey.get(names.key(name))
        if room is None or member not in room.members:
            raise ChatError(NOT_JOINED, "not in that room")
        return room

    def join(
        self,
        member: IChatMember,
        roomName: str,
        since: Position | None,
        history: int,
        watch: bool,
        known: bool,
    ) -> Deferred[Joined]:
        """
        See L{IChatRoom.join}.

        @param known: see L{IRoster.claim}
        """
        arrival = Arrival(member, Wish(since, history, watch, known))
        joining = Deferred.fromCoroutine(self._join(arrival, roomName))
        if joining.called and not joining.paused:
            return joining  # it did not have to wait
        arrival.begin(joining, self._clock, self._limits.joinTimeout)
        return arrival.result

    async def _join(self, arrival: Arrival, roomName: str) -> Joined:
        member = arrival.member
        name = names.checkName(member.name)
        room = self._open(names.checkRoom(roomName))
        place = (room.key, member)
        try:
            if place in self._arrivals:
                raise ChatError(ALREADY_JOINED, f"already joining {room.name}")
            self._requirePlace(member, name, room)
            self._arrivals[place] = arrival
            try:
                first, replay = await self._admit(arrival, name, room)
            finally:
                del self._arrivals[place]
            self._added(room, member, arrival.wish.watch, first)
            if member not in room:
                raise ChatError(NOT_ALLOWED, f"removed from {room.name}")
        finally:
            self.release(room)
        return self._joined(room, name, arrival.wish, replay)

    async def _admit(self, arrival: Arrival, name: str, room: Room) -> tuple[bool, Replay]:
        """
        Do everything that may take time, then check again whether the member may join, and add it.

        @return: whether the name is new in the room, and the messages that the member has missed
        """
        member, wish = arrival.member, arrival.wish
        if self._hookRunner is not None:
            await arrival.until(self._hookRunner.mayJoin(member, room))
            arrival.check()
        release = partial(self._roster.release, room.name, name)
        claiming = self._roster.claim(room.name, name, wish.known)
        try:
            await arrival.until(claiming, lambda _: release())
        except ChatError as error:
            raise self._taken(error, room, name) from None
        try:
            arrival.check()
            if room.position is None:
                await arrival.until(self._follow(room, member))
                arrival.check()
            replay: Replay = ()
            if wish.since is not None or wish.history > 0:
                replaying = Deferred.fromCoroutine(self._replay(room, wish))
                replay = await arrival.until(replaying)
            self._requirePlace(member, name, room)
            arrival.check()
            self._requireOpen(member)
            first = not room.has(name)
            room.add(member, name)
        except BaseException:
            release()
            raise
        return first, replay

    def _taken(self, error: ChatError, room: Room, name: str) -> ChatError:
        """
        @return: the error. If the client that holds the name may have vanished, the error states
            when to retry
        """
        if error.code != NAME_TAKEN or not room.silent(name):
            return error
        retry = NAME_SILENT.retry
        text = f"{error.text}, but its connection does not respond: try again in {retry:g} s"
        return ChatError(NAME_TAKEN, text, retry=retry)

    def _requirePlace(self, member: IChatMember, name: str, room: Room) -> None:
        if member in room:
            raise ChatError(ALREADY_JOINED, f"already in {room.name}")
        if len(room) >= self._limits.maxMembers:
            raise ChatError(ROOM_FULL, f"{room.name} has {self._limits.maxMembers} members")
        self._policy.requireJoin(member, name, room)

    def arrivals(self) -> list[Arrival]:
        """
        @return: the joins in progress
        """
        return list(self._arrivals.values())

    def _open(self, name: str) -> Room:
        key = names.key(name)
        room = self.byKey.get(key)
        if room is None:
            room = self.byKey[key] = Room(name, self._metrics)
            self._policy.begin(room)
        room.holds += 1
        return room

    def release(self, room: Room) -> None:
        """
        End one of the room's C{holds}.
        """
        room.holds -= 1
        self.closeIfDeserted(room)

    def _follow(self, room: Room, member: IChatMember) -> Deferred[None]:
        """
        Begin to follow the room's log, unless that is already in progress.

        @return: fires when the log is followed; fails with L{ChatError} C{failed}
        """
        waiting: Deferred[None] = Deferred()
        if room.opening is not None:
            room.opening.append(waiting)
            return waiting
        room.opening = [waiting]
        room.network = self._policy.networkOf(member)
        room.holds += 1
        deliver = partial(self._hookRunner.deliver, room) if self._hookRunner else room.deliver
        opening = maybeDeferred(self._messageLog.follow, room.key, deliver)
        opening.addCallback(room.follows)
        opening.addErrback(self._notFollowed, room)
        opening.addCallback(self._opened, room)
        return waiting

    def _notFollowed(self, failure: Failure, room: Room) -> None:
        self._log.failure("the log of {room} could not be opened", failure, room=room.name)

    def _opened(self, _: object, room: Room) -> None:
        """
        Complete the joins that wait for the log. After a failure, the next join tries again.
        """
        waiting, room.opening = room.opening or [], None
        for each in waiting:
            if room.position is None:
                each.errback(ChatError(FAILED, FAULT))
            else:
                each.callback(None)
        self.release(room)

    async def _replay(self, room: Room, wish: Wish) -> Replay:
        if wish.since is not None:
            return await messagesSince(self._messageLog, room, wish.since, self._limits.maxHistory)
        most = min(wish.history, self._limits.maxHistory)
        return await lastMessages(self._messageLog, room, most)

    def _added(self, room: Room, member: IChatMember, watch: bool, first: bool) -> None:
        if watch:
            room.watch(member)
        if room.attendance is not None:
            if first:
                room.attendance.came(room.members[member])
        elif watch:
            room.attendance = Attendance(
                room.name, room.members.values(), self._clock, self._limits, room.announce
            )
        if self._hookRunner is not None:
            self._hookRunner.joined(member, room)

    def _joined(self, room: Room, name: str, wish: Wish, replay: Replay) -> Joined:
        assert room.position is not None, "the log is followed"
        epoch, seq = room.position.epoch, room.position.seq
        since = wish.since
        present = room.attendance.names if wish.watch and room.attendance is not None else []
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
        room = self.byKey.get(names.key(name))
        if room is None:
            return
        if member in room:
            self._leave(member, room)
        elif (room.key, member) in self._arrivals:
            error = ChatError(NOT_JOINED, f"left {room.name} while joining it")
            self._arrivals[room.key, member].withdraw(error)

    def _leave(self, member: IChatMember, room: Room) -> None:
        name = room.remove(member)
        self._roster.release(room.name, name)
        if room.attendance is not None:
            if not room.has(name):
                room.attendance.went(name)
            if not room.watched:
                room.attendance.stop()
                room.attendance = None
        self.closeIfDeserted(room)
        if room.sequencer is not None:
            room.sequencer.withdraw(member, ChatError(NOT_JOINED, f"not in {room.name} any more"))
        if self._hookRunner is not None:
            self._hookRunner.left(member, room)

    def closeIfDeserted(self, room: Room) -> None:
        """
        Remove the room, and unfollow its log, if nothing keeps it.
        """
        if room.deserted and self.byKey.get(room.key) is room:
            del self.byKey[room.key]
            if room.position is not None:
                try:
                    self._messageLog.unfollow(room.key)
                except Exception:
                    self._log.failure("the log of {room} could not be closed", room=room.name)

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
        limit = min(limit, self._limits.maxHistory)
        end = room.position.seq + 1 if before is None else before
        start = max(0, end - 1 - limit) if after is None else after
        read = await self._messageLog.read(room.key, start, limit)
        self._requireStay(member, room)
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
        self._requireStay(member, room)
        return Members(
            room=room.name, count=len(members), members=tuple(members[: self._limits.listed])
        )

    def _requireStay(self, member: IChatMember, room: Room) -> None:
        """
        @raise ChatError: C{not-joined}: the member has left in the meantime
        """
        if member not in room:
            raise ChatError(NOT_JOINED, f"not in {room.name} any more")
