"""
Joins and leaves in the rooms of one chat.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from machat import names
from machat.entries import Entry
from machat.errors import (
    ALREADY_JOINED,
    NAME_SILENT,
    NAME_TAKEN,
    NOT_ALLOWED,
    NOT_JOINED,
    ROOM_FULL,
    ChatError,
)
from machat.events import Joined
from machat.interfaces import IChatMember, IChatWatcher, IRoomPolicy, ISharedRooms, IStoredRoom
from machat.limits import Limits
from machat.records import Claim
from machat.rooms.arrival import Arrival, Wish, start
from machat.rooms.direct import Directs
from machat.rooms.directory import Directory
from machat.rooms.hookrunner import HookRunner
from machat.rooms.listing import Listing
from machat.rooms.presence import Attendance
from machat.rooms.recovery import lastMessages, messagesSince
from machat.rooms.room import Room

#: The messages that a member has missed, or C{None} if they cannot be determined; and the number of
#: entries that were read to find the last messages.
Replay = tuple[tuple[Entry, ...] | None, int]

_NONE: Replay = ((), 0)


class Rooms:
    """
    The parts of L{IChatRoom} that join and leave.

    @ivar watcher: the watcher of the chat
    @ivar listing: the list of rooms
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits,
        directory: Directory,
        hookRunner: HookRunner | None,
        policy: IRoomPolicy,
        requireOpen: Callable[[IChatMember], None],
        directs: Directs,
        shared: ISharedRooms | None = None,
    ) -> None:
        """
        @param requireOpen: raises L{ChatError} for a joining member while the chat stops
        @param directs: opens direct conversations
        @param shared: the list of the rooms of all processes
        """
        self._clock = clock
        self._limits = limits
        self._directory = directory
        self._hookRunner = hookRunner
        self._policy = policy
        self._requireOpen = requireOpen
        self._directs = directs
        self.listing = Listing(directory.byKey.get, shared)
        self.watcher: IChatWatcher | None = None
        self._arrivals: dict[tuple[str, IChatMember], Arrival] = {}

    def join(self, member: IChatMember, roomName: str, wish: Wish) -> Deferred[Joined]:
        """
        See L{IChatRoom.join}.
        """
        arrival = Arrival(member, wish)
        joining = start(self._join(arrival, roomName))
        if joining.called and not joining.paused:
            return joining  # it did not have to wait
        return arrival.begin(joining, self._clock, self._limits.joinTimeout)

    async def _join(self, arrival: Arrival, roomName: str) -> Joined:
        member = arrival.member
        name = names.checkName(member.name)
        room = self._directory.hold(names.checkRoom(roomName))
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
            if member not in room.members:
                raise ChatError(NOT_ALLOWED, f"removed from {room.name}")
        finally:
            self._directory.release(room)
        return self._joined(room, name, arrival.wish, replay)

    async def _admit(self, arrival: Arrival, name: str, room: Room) -> tuple[bool, Replay]:
        """
        Do everything that may take time, then check again whether the member may join, and add it.

        @return: whether the name is new in the room, and the messages that the member has missed
        """
        member, wish = arrival.member, arrival.wish
        stored, password = room.stored, room.password
        if stored is None or password is not None or self._hookRunner or room.name[0] == "@":
            stored, password = await self._prepare(arrival, room)
        known, secret, replaces = wish.holder
        claim = Claim(name, names.key(name), known, secret, replaces)
        most, prompt = self._limits.maxMembers, room.prompt
        try:
            if prompt is not None:
                claimed = prompt.claimNow(claim, most)
            else:
                claiming = stored.claim(claim, most)
                claimed = await arrival.until(claiming, lambda _: stored.release(claim))
        except ChatError as error:
            raise self._taken(error, room, claim.key) from None
        try:
            arrival.check()
            replay = _NONE
            if wish.since is not None or wish.history > 0:
                replaying = Deferred.fromCoroutine(self._replay(stored, room, wish))
                replay = await arrival.until(replaying)
            if arrival.waited or room.password != password:  # else nothing has changed
                self._checkAgain(arrival, name, room, password)
            self._requireOpen(member)
            first = room.add(member, claim)
            if claimed.total == 1 and claimed.first and not stored.position.seq:
                room.founder = member
        except BaseException:
            stored.release(claim)
            raise
        return first, replay

    def _checkAgain(self, arrival: Arrival, name: str, room: Room, password: str | None) -> None:
        """
        Check again whether the member may join. Joins that have not waited omit this, which saves
        1 % of their cost.

        @param password: the hash of the key that the member knows; C{None}: there was no key
        """
        self._requirePlace(arrival.member, name, room)
        arrival.check()
        if room.password != password:
            self._policy.requireKey(arrival.member, room, arrival.wish.key)
            arrival.check()

    async def _prepare(self, arrival: Arrival, room: Room) -> tuple[IStoredRoom, str | None]:
        """
        Require the key, ask the hooks, and open the room.

        @return: the room in the store, and the hash of the key that the member knows or does not
            need; C{None}: the room has no key
        """
        arrival.waited = True
        password = room.password
        if password is not None:
            await self._guess(arrival, room)
        if self._hookRunner is not None:
            await arrival.until(self._hookRunner.mayJoin(arrival.member, room))
            arrival.check()
        stored = room.stored
        if stored is None:
            network = self._policy.networkOf(arrival.member)
            stored = await arrival.until(self._directory.open(room, network))
            arrival.check()
            password = room.password
            if password is not None:
                await self._guess(arrival, room)
        if room.name.startswith("@"):
            await arrival.until(Deferred.fromCoroutine(self._enter(room)))
            arrival.check()
        return stored, password

    async def _guess(self, arrival: Arrival, room: Room) -> None:
        guessing = self._policy.guessKey(arrival.member, room, arrival.wish.key)
        if guessing is not None:
            await arrival.until(guessing)
            arrival.check()

    async def _enter(self, room: Room) -> None:
        room.holds += 1
        try:
            await self._directs.enter(room)
        finally:
            self._directory.release(room)

    def _taken(self, error: ChatError, room: Room, key: str) -> ChatError:
        """
        @return: the error. If the client that holds the name may have vanished, the error states
            when to retry
        """
        if error.code != NAME_TAKEN or not room.occupants.silent(key):
            return error
        retry = NAME_SILENT.retry
        text = f"{error.text}, but its connection does not respond: try again in {retry:g} s"
        return ChatError(NAME_TAKEN, text, retry=retry)

    def _requirePlace(self, member: IChatMember, name: str, room: Room) -> None:
        if room.receives(member):
            raise ChatError(ALREADY_JOINED, f"already in {room.name}")
        if len(room.members) >= self._limits.maxMembers:
            raise ChatError(ROOM_FULL, f"{room.name} has {self._limits.maxMembers} members")
        self._policy.requireJoin(member, name, room)

    def arrivals(self) -> list[Arrival]:
        """
        @return: the joins in progress
        """
        return list(self._arrivals.values())

    async def _replay(self, stored: IStoredRoom, room: Room, wish: Wish) -> Replay:
        most = self._limits.maxHistory
        if wish.since is not None:
            return await messagesSince(stored, room, wish.since, most), 0
        found = await lastMessages(stored, room, min(wish.history, most))
        return tuple(found.messages), found.scanned

    def _added(self, room: Room, member: IChatMember, watch: bool, first: bool) -> None:
        if room.direct is not None:
            room.direct.joined(room, room.members[member].key)
        if len(room.members) == 1:
            self.listing.update(room)
        if watch:
            room.watch(member)
        if room.attendance is not None:
            if first:
                room.attendance.came(room.members[member].name)
        elif watch:
            room.attendance = Attendance(
                room.name, room.spellings, self._clock, self._limits, room.announce
            )
        if self.watcher is not None and first:
            self.watcher.joined(room.name, room.members[member].name)
        if self._hookRunner is not None:
            self._hookRunner.joined(member, room)

    def _joined(self, room: Room, name: str, wish: Wish, replay: Replay) -> Joined:
        assert room.stored is not None and room.epoch is not None, "the room is open"
        since, seq = wish.since, room.seq
        recovered: bool | None = None
        missed: int | None = None
        members: tuple[str, ...] | None = None
        if since is not None:
            recovered = replay[0] is not None
            if since.seq <= seq and room.stored.covers(since):
                missed = seq - since.seq
        if wish.watch and room.attendance is not None:
            present = room.attendance.names
            members = tuple(present) if 0 < len(present) <= self._limits.listed else None
        return Joined(
            room=room.name,
            name=name,
            epoch=room.epoch,
            seq=seq,
            count=len(room.occupants),
            recovered=recovered,
            missed=missed,
            members=members,
            topic=room.topic,
            locked=room.locked,
            replay=replay[0] or (),
            scanned=replay[1],
        )

    def leave(self, member: IChatMember, name: str) -> None:
        """
        See L{IChatRoom.leave}.
        """
        room = self._directory.get(name)
        if room is None:
            return
        if member in room:
            self._leave(member, room)
        elif (room.key, member) in self._arrivals:
            error = ChatError(NOT_JOINED, f"left {room.name} while joining it")
            self._arrivals[room.key, member].withdraw(error)

    def _leave(self, member: IChatMember, room: Room) -> None:
        claim = room.remove(member)
        if not room.members:
            self.listing.update(room)
        if room.stored is not None:
            room.stored.release(claim)
        if room.attendance is not None:
            if claim.key not in room.occupants:
                room.attendance.went(claim.name)
            if not room.watched:
                room.attendance.stop()
                room.attendance = None
        self._directory.closeIfDeserted(room)
        if room.sequencer is not None:
            room.sequencer.withdraw(member, ChatError(NOT_JOINED, f"not in {room.name} any more"))
        if self.watcher is not None and claim.key not in room.occupants:
            self.watcher.left(room.name, claim.name)
        if self._hookRunner is not None:
            self._hookRunner.left(member, room)
