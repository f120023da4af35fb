"""
Reading in the rooms of one chat: history, search, and the names in a room.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from machat import commands
from machat.errors import NOT_JOINED, ChatError
from machat.events import History, Members
from machat.interfaces import IChatMember
from machat.limits import Limits
from machat.rooms import recovery
from machat.rooms.directory import Directory
from machat.rooms.room import Room
from machat.rooms.searching import Searches, Wanted


class Reader:
    """
    The parts of L{IChatRoom<machat.interfaces.IChatRoom>} that read rooms for their members.
    """

    def __init__(self, clock: IReactorTime, limits: Limits, directory: Directory) -> None:
        self._limits = limits
        self._directory = directory
        self._searches = Searches(clock)

    async def history(
        self,
        member: IChatMember,
        name: str,
        before: int | None,
        after: int | None,
        limit: int,
    ) -> History:
        """
        See L{machat.interfaces.IChatRoom.history}.
        """
        room = self._directory.find(member, name)
        found = await historyOf(room, before, after, min(limit, self._limits.maxHistory))
        _requireStay(member, room)
        return found

    async def search(
        self, member: IChatMember, name: str, asked: commands.History, network: str | None
    ) -> History:
        """
        See L{machat.interfaces.IChatRoom.search}.

        @param network: the network of the member
        """
        room = self._directory.find(member, name)
        wanted = Wanted(asked, self._limits.maxHistory)
        return await self._searches.run(room, wanted, network, lambda: _requireStay(member, room))

    async def who(self, member: IChatMember, name: str) -> Members:
        """
        See L{machat.interfaces.IChatRoom.who}.
        """
        room = self._directory.find(member, name)
        assert room.stored is not None, "the room is open"
        found = await room.stored.members(self._limits.listed)
        _requireStay(member, room)
        return Members(room=room.name, count=found.total, members=tuple(found.names))


async def historyOf(room: Room, before: int | None, after: int | None, limit: int) -> History:
    """
    Read messages of a room that is open.
    """
    assert room.stored is not None, "the room is open"
    found = await recovery.history(room.stored, room, before, after, limit)
    assert room.position is not None, "the room is open"
    return History(
        room=room.name,
        epoch=room.position.epoch,
        seq=room.position.seq,
        messages=tuple(found.messages),
        scanned=found.scanned,
    )


def _requireStay(member: IChatMember, room: Room) -> None:
    """
    @raise ChatError: C{not-joined}: the member has left in the meantime
    """
    if member not in room:
        raise ChatError(NOT_JOINED, f"not in {room.name} any more")
