"""
Observers of the rooms of a store that is not shared.
"""

from __future__ import annotations

from collections.abc import Sequence

from machat.events import Position
from machat.records import Claim


class LocalObserver:
    """
    Fails on the reports that only a shared store makes. A subclass observes the messages.
    """

    def moved(self, position: Position, complete: bool) -> None:
        raise AssertionError("the epoch of an open room does not change")

    def presence(self, joined: Sequence[str], left: Sequence[str]) -> None:
        raise AssertionError("there are no other processes")

    def typing(self, name: str) -> None:
        raise AssertionError("there are no other processes")

    def lost(self, claim: Claim, reason: str) -> None:
        raise AssertionError("no claim ends")
