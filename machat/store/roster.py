"""
The names in each room, in the memory of one process.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from machat import names
from machat.errors import NAME_TAKEN, ChatError
from machat.interfaces import IRoster


@implementer(IRoster)
class MemoryRoster:
    """
    Keeps the claimed names of each room in a dictionary.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, str]] = {}
        self._users: dict[tuple[str, str], int] = {}

    def claim(self, room: str, name: str, known: bool = False) -> Deferred[bool]:
        place, key = names.key(room), names.key(name)
        taken = self._rooms.setdefault(place, {})
        claims = self._users.get((place, key), 0)
        if key in taken and not (known and claims):
            return fail(ChatError(NAME_TAKEN, f'"{taken[key]}" is already in {room}'))
        taken.setdefault(key, name)
        if known:
            self._users[place, key] = claims + 1
        return succeed(not claims)

    def release(self, room: str, name: str) -> bool:
        place, key = names.key(room), names.key(name)
        claims = self._users.pop((place, key), 0)
        if claims > 1:
            self._users[place, key] = claims - 1
            return False
        taken = self._rooms[place]
        del taken[key]
        if not taken:
            del self._rooms[place]
        return True

    def members(self, room: str) -> Deferred[Sequence[str]]:
        return succeed(list(self._rooms.get(names.key(room), {}).values()))
