"""
One room: its members by dialect, what was said this turn, and the way of a batch to everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from machat import names
from machat.events import Draft, Message, Position
from machat.interfaces import IChatMember, IDialect


class Room:
    """
    Members, and the messages that wait for the end of the turn. A room knows no transport and no
    wire: a dialect encodes, a member takes.

    @ivar name: as the first member wrote it
    @ivar key: what the name is compared by
    @ivar position: the last place in the log that was delivered; C{None} until the log is followed
    @ivar opening: fires, with nothing of use, when the log is followed or could not be
    @ivar holds: the joins and appends under way, each of which keeps the room in being
    """

    __slots__ = ("name", "key", "position", "opening", "holds", "_groups", "_members", "_pending")
    _log = Logger()

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = names.key(name)
        self.position: Position | None = None
        self.opening: Deferred[Position] | None = None
        self.holds = 0
        self._members: dict[IChatMember, str] = {}
        self._groups: dict[IDialect, dict[IChatMember, Callable[[object], None]]] = {}
        self._pending: list[Draft] = []

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __len__(self) -> int:
        return len(self._members)

    @property
    def deserted(self) -> bool:
        """
        Whether nobody is here or coming, and nothing that was said still waits.
        """
        return not (self._members or self._pending or self.holds)

    def follows(self, position: Position) -> Position:
        """
        The log is open: the room begins at this position.
        """
        self.position = position
        return position

    def add(self, member: IChatMember, name: str) -> None:
        """
        @param name: the name under which the member speaks here
        """
        self._members[member] = name
        self._groups.setdefault(member.dialect, {})[member] = member.deliver

    def remove(self, member: IChatMember) -> str:
        """
        @return: the name that the member had here
        """
        group = self._groups[member.dialect]
        del group[member]
        if not group:
            del self._groups[member.dialect]
        return self._members.pop(member)

    def members(self) -> list[IChatMember]:
        """
        @return: those who are here, in the order of their coming
        """
        return list(self._members)

    def say(self, member: IChatMember, text: str) -> bool:
        """
        Add a message to the batch of this turn.

        @return: whether it is the first of the batch
        """
        self._pending.append(Draft(self.name, self._members[member], text))
        return len(self._pending) == 1

    def takePending(self) -> list[Draft]:
        """
        @return: the batch of this turn; the next one begins
        """
        batch, self._pending = self._pending, []
        return batch

    def deliver(self, messages: Sequence[Message]) -> None:
        """
        Hand a numbered batch to every member: encoded once a dialect, one call a member.
        """
        assert self.position is not None, "the log delivers to those who follow it"
        self.position = Position(self.position.epoch, messages[-1].seq)
        for dialect, group in list(self._groups.items()):
            encoded = dialect.encode(messages)
            for member, deliver in list(group.items()):
                if member in group:  # one before it in the loop may have made it leave
                    try:
                        deliver(encoded)
                    except Exception:
                        self._log.failure("a member of {room} did not take a batch", room=self.name)
