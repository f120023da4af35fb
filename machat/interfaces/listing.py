"""
The rooms of a chat that several processes serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred
from zope.interface import Interface

#: The maximum number of rooms that L{ISharedRooms.occupied} reads.
OCCUPIED = 10_000


class Shown(NamedTuple):
    """
    A room of the list.

    @ivar key: the key of its name
    @ivar members: the number of names in the room
    @ivar protected: whether members need a key to join
    """

    key: str
    name: str
    topic: str | None
    members: int
    protected: bool


class Occupied(NamedTuple):
    """
    A room with members.

    @ivar members: the number of names in the room
    @ivar seq: the number of its last message
    """

    name: str
    members: int
    seq: int


class ISharedRooms(Interface):
    """
    A store that several processes share, and that knows the rooms of all of them. A process is
    responsible for the rooms in which it has members.
    """

    def occupy(key: str, occupied: bool) -> None:
        """
        Note that this process has the first member in a room, or has no members in it any more, as
        soon as the store is available.
        """

    def occupied() -> Deferred[tuple[int, Sequence[Occupied]]]:
        """
        Read the rooms with members of all processes.

        @return: fires with the number of rooms, and up to L{OCCUPIED} of them in any order; fails
            with L{ChatError<machat.errors.ChatError>} C{failed} if the store is not available
        """

    def show(key: str, shown: bool) -> None:
        """
        Add a room to the list of this process, or remove it, as soon as the store is available.
        """

    def shown(prefix: str, after: str, limit: int) -> Deferred[Sequence[Shown]]:
        """
        Read the list in the order of the keys.

        @param prefix: the beginning of the keys
        @param after: the keys follow this one
        @param limit: the maximum number of rooms
        @return: fires with the rooms; fails with L{ChatError<machat.errors.ChatError>} C{failed} if
            the store is not available
        """
