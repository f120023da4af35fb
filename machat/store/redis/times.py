"""
The time of the engine, by which mutes and bans end on all servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from machat.records import Change, Imposed

C = TypeVar("C", bound=Change)

#: The difference between two clocks that is ignored, in seconds. It is above half a second, so that
#: the rounded difference does not alternate between two values.
TOLERANCE = 0.75


class EngineTime:
    """
    Converts the ends of mutes and bans between the clock of this machine and that of the engine.

    @ivar ahead: the time by which the clock of the engine is ahead, in whole seconds
    """

    def __init__(self) -> None:
        self.ahead = 0

    def measured(self, engine: float, now: float, waited: float) -> None:
        """
        Take the time of the engine from an answer.

        @param engine: the time of the engine, Unix time
        @param now: the time of this machine when the answer has arrived, Unix time
        @param waited: the time that has passed since the question was sent, seconds
        """
        difference = engine - (now - waited / 2)
        if abs(difference - self.ahead) > TOLERANCE + waited / 2:
            self.ahead = round(difference)

    def shared(self, changes: Sequence[C]) -> Sequence[C]:
        """
        @param changes: changes of this server
        @return: the same changes, as they are stored
        """
        return [_moved(change, self.ahead) for change in changes] if self.ahead else changes

    def local(self, changes: Sequence[C]) -> Sequence[C]:
        """
        @param changes: stored changes
        @return: the same changes, by the clock of this machine
        """
        return [_moved(change, -self.ahead) for change in changes] if self.ahead else changes


def _moved(change: C, seconds: int) -> C:
    if isinstance(change, Imposed):
        return replace(change, until=change.until + seconds)
    return change
