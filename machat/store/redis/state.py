"""
The topic, the lock and the sanctions of a room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from machat.records import Change, Imposed, Lifted, LockSet, RoomRecord, TopicSet


class State:
    """
    What moderators have changed in a room.
    """

    def __init__(self) -> None:
        self._topic: str | None = None
        self._locked = False
        self._sanctions: dict[tuple[str, str], Imposed] = {}

    @property
    def record(self) -> RoomRecord:
        """
        The current state.
        """
        return RoomRecord(self._topic, self._locked, list(self._sanctions.values()))

    def make(self, changes: Iterable[Change]) -> None:
        """
        Make changes.
        """
        for change in changes:
            if isinstance(change, Imposed):
                self._sanctions[change.kind, change.target] = change
            elif isinstance(change, Lifted):
                self._sanctions.pop((change.kind, change.target), None)
            elif isinstance(change, TopicSet):
                self._topic = change.topic
            elif isinstance(change, LockSet):
                self._locked = change.locked

    def changesTo(
        self, topic: str | None, locked: bool, sanctions: Sequence[Imposed]
    ) -> list[Change]:
        """
        @return: the changes that lead from this state to another one
        """
        changes: list[Change] = []
        kept = {(each.kind, each.target) for each in sanctions}
        changes += [Lifted(*target) for target in self._sanctions if target not in kept]
        changes += [
            each for each in sanctions if self._sanctions.get((each.kind, each.target)) != each
        ]
        if topic != self._topic:
            changes.append(TopicSet(topic))
        if locked != self._locked:
            changes.append(LockSet(locked))
        return changes
