"""
Who is where, on one machine.
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
    A dictionary of claimed names for each room that has any.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, str]] = {}

    def claim(self, room: str, name: str) -> Deferred[None]:
        taken = self._rooms.setdefault(names.key(room), {})
        key = names.key(name)
        if key in taken:
            return fail(ChatError(NAME_TAKEN, f'"{taken[key]}" is already in {room}'))
        taken[key] = name
        return succeed(None)

    def release(self, room: str, name: str) -> None:
        taken = self._rooms[names.key(room)]
        del taken[names.key(name)]
        if not taken:
            del self._rooms[names.key(room)]

    def members(self, room: str) -> Deferred[Sequence[str]]:
        return succeed(list(self._rooms.get(names.key(room), {}).values()))
