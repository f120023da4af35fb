"""
The names in a room, with the members of this process and of others that have them.
"""

from __future__ import annotations

from collections.abc import Sequence

from machat import names
from machat.interfaces import IChatMember


class Occupants:
    """
    The names in a room, each with the members that have it: one name may have several connections.
    A name that only other processes have claimed has no members here.

    @ivar elsewhere: the spellings of the names that other processes have claimed, by their keys
    """

    __slots__ = ("_here", "elsewhere")

    def __init__(self) -> None:
        self._here: dict[str, tuple[IChatMember, ...]] = {}
        self.elsewhere: dict[str, str] | None = None

    def __len__(self) -> int:
        """
        @return: the number of names. A name with several connections counts once
        """
        if self.elsewhere is None:
            return len(self._here)
        return len(self._here) + sum(key not in self._here for key in self.elsewhere)

    def __contains__(self, key: object) -> bool:
        """
        @return: whether the name with this key is in the room
        """
        return key in self._here or (self.elsewhere is not None and key in self.elsewhere)

    def add(self, key: str, member: IChatMember) -> bool:
        """
        Add a member that has the name with this key.

        @return: whether the name is new
        """
        others = self._here.get(key)
        if others is not None:
            self._here[key] = (*others, member)
            return False
        self._here[key] = (member,)
        return self.elsewhere is None or key not in self.elsewhere

    def remove(self, key: str, member: IChatMember) -> None:
        """
        Remove a member that has the name with this key.
        """
        others = tuple([each for each in self._here.pop(key) if each is not member])
        if others:
            self._here[key] = others

    def members(self, key: str) -> Sequence[IChatMember]:
        """
        @return: the members of this process whose name has this key
        """
        return self._here.get(key, ())

    def named(self, name: str) -> Sequence[IChatMember]:
        """
        @return: the members of this process with this name, in any spelling
        """
        return self.members(names.key(name))

    def silent(self, key: str) -> bool:
        """
        @return: whether all members whose name has this key are connections whose clients may have
            vanished
        """
        named = self.members(key)
        return bool(named) and all([each.silent for each in named])
