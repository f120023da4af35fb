"""
The part of the chat that its rooms call.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING, Protocol

from machat.entries import Entry
from machat.interfaces import IChatMember
from machat.records import Change

if TYPE_CHECKING:
    from machat.rooms.room import Room


class Keeper(Protocol):
    """
    The chat, as one of its rooms sees it.

    @ivar observes: whether L{said} is to be called
    @ivar busy: see L{machat.interfaces.IOutbox.send}
    """

    observes: bool
    busy: Container[Callable[[bytes], int]]

    def said(self, messages: Sequence[Entry]) -> None:
        """
        The room has delivered a batch.
        """

    def changed(self, room: Room, changes: Sequence[Change]) -> None:
        """
        Changes to the room are stored.
        """

    def lost(self, room: Room, member: IChatMember, reason: str) -> None:
        """
        A member has lost its name.
        """
