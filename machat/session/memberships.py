"""
The rooms that a client of the C{events} dialect is in, and its joins in progress.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from machat import commands, names
from machat.auth.users import allows, requireJoin
from machat.errors import ALREADY_JOINED, NOT_JOINED, TOO_MANY_ROOMS, ChatError
from machat.events import Joined, Position
from machat.interfaces import IChatRoom
from machat.session.interfaces import IClientSession


class Memberships:
    """
    The rooms of one client. It joins some itself, one after the other. The server joins others for
    it: direct conversations with new messages.

    @ivar watch: whether the client wants to know who joins and leaves
    """

    __slots__ = ("_chat", "_client", "_rooms", "_wanted", "_joining", "_invited", "watch")

    def __init__(self, chat: IChatRoom, client: IClientSession) -> None:
        self._chat = chat
        self._client = client
        self._rooms: dict[str, str] = {}
        self._wanted: str | None = None  # the key of the room that the client itself joins
        self._joining: Deferred[Any] | None = None
        self._invited: dict[str, Deferred[Any] | None] | None = None
        self.watch = True

    @property
    def names(self) -> list[str]:
        """
        The names of the rooms.
        """
        return list(self._rooms.values())

    def has(self, room: str) -> bool:
        """
        @return: whether the client is in a room
        """
        return names.key(room) in self._rooms

    def here(self, room: str | None) -> str:
        """
        @param room: the room of a command; C{None}: the only one
        @return: its name, as its founder wrote it
        @raise ChatError: C{not-joined}
        """
        rooms = self._rooms
        if room is None:
            if len(rooms) != 1:
                text = f"you are in {len(rooms)} rooms: specify one" if rooms else "not in a room"
                raise ChatError(NOT_JOINED, f"{text} - at `$.room`")
            return next(iter(rooms.values()))
        key = names.key(room)
        if key not in rooms:
            raise ChatError(NOT_JOINED, "not in that room - at `$.room`")
        return rooms[key]

    def join(self, command: commands.Join) -> Deferred[Joined | None]:
        """
        Join a room, as the client has requested.

        @return: C{None}, if the client has ended meanwhile
        @raise ChatError: the client may not join it
        """
        if self._invited:
            self._supersede(command.room)
        key, most = names.key(command.room), self._chat.limits.maxRooms
        if key in self._rooms:
            raise ChatError(ALREADY_JOINED, "already in that room")
        if self._count >= most:
            raise ChatError(TOO_MANY_ROOMS, f"at most {most} rooms on one connection")
        requireJoin(self._client.user, command.room)
        self._wanted = key
        self._joining = self._chat.join(
            self._client, command.room, command.since, command.history, self.watch, command.key
        )
        return self._joining.addBoth(self._noLonger).addCallback(self._entered)

    @property
    def _count(self) -> int:
        """
        The number of rooms, with those that the client or the server is joining.
        """
        if not self._invited and self._wanted is None:
            return len(self._rooms)
        joining = () if self._wanted is None else (self._wanted,)
        return len({*self._rooms, *(self._invited or ()), *joining})

    def _noLonger(self, result: Any) -> Any:
        self._wanted = self._joining = None
        return result

    def _entered(self, joined: Joined) -> Joined | None:
        if self._client.ended:  # by a callback of the application
            self._chat.leave(self._client, joined.room)
            return None
        self._rooms[names.key(joined.room)] = joined.room
        self._client.joined(joined)
        return joined

    def invite(self, room: str, since: Position) -> Deferred[Joined | None] | None:
        """
        Join a direct conversation with messages after a position, if the client is not in it.

        @return: C{None}: it may not, or does so already. See L{join}
        """
        key, most = names.key(room), self._chat.limits.maxRooms
        invited = self._invited = self._invited or {}
        if key in self._rooms or key in invited or key == self._wanted:
            return None
        if self._count >= most or not allows(self._client.user.mayJoin, room):
            return None
        joining = self._chat.join(self._client, room, since, 0, self.watch)
        invited[key] = joining
        return joining.addCallbacks(self._invitedTo, self._notInvited, (key,), {}, (key,))

    def invitation(self, room: str) -> Deferred[Any] | None:
        """
        @return: the join of L{invite} that is in progress
        """
        return (self._invited or {}).get(names.key(room))

    def _invitedTo(self, joined: Joined, key: str) -> Joined | None:
        if self._invited is not None:
            self._invited[key] = None
        return self._entered(joined)

    def _notInvited(self, failure: Any, key: str) -> Any:
        if self._invited is not None:
            self._invited.pop(key, None)
        return failure

    def _supersede(self, room: str) -> None:
        """
        Undo L{invite}, because the client itself joins the room. It may have another position.
        """
        key = names.key(names.checkRoom(room))
        if self._invited is None or key not in self._invited:
            return
        joining = self._invited.pop(key)
        if joining is not None:
            joining.cancel()
        elif key in self._rooms:
            self._client.leave(self._rooms.pop(key))

    def leave(self, room: str | None) -> str:
        """
        Leave a room.

        @return: its name
        @raise ChatError: C{not-joined}
        """
        name = self.here(room)
        self._forget(name)
        self._client.leave(name)
        return name

    def removed(self, room: str) -> bool:
        """
        Note that a moderator has removed the client from a room.

        @return: whether the client was in it
        """
        if not self._forget(room):
            return False
        self._client.left(room)
        return True

    def _forget(self, room: str) -> bool:
        key = names.key(room)
        if self._invited is not None:
            self._invited.pop(key, None)
        return self._rooms.pop(key, None) is not None

    def end(self) -> None:
        """
        Cancel the joins, and leave all rooms.
        """
        for joining in (self._joining, *(self._invited or {}).values()):
            if joining is not None:
                joining.cancel()
        rooms, self._rooms = self._rooms, {}
        for room in rooms.values():
            self._client.leave(room)
