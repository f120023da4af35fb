"""
The chat, as its rooms see it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from machat.entries import Entry
from machat.interfaces import IChatMember, IChatWatcher
from machat.moderation.effects import Effects
from machat.records import Change
from machat.rooms.hookrunner import HookRunner
from machat.rooms.room import Room


class RoomKeeper:
    """
    Passes on what the store reports to a room: see L{machat.rooms.keeper.Keeper}.

    @ivar effects: applies changes
    """

    effects: Effects

    def __init__(
        self, hookRunner: HookRunner | None, busy: Container[Callable[[bytes], int]]
    ) -> None:
        self.busy = busy
        self._hookRunner = hookRunner
        self._watcher: IChatWatcher | None = None
        self.observes = hookRunner is not None

    def watch(self, watcher: IChatWatcher) -> None:
        """
        Report batches to a watcher too.
        """
        self._watcher = watcher
        self.observes = True

    def said(self, messages: Sequence[Entry]) -> None:
        """
        Report a batch to the application's hooks, and to the watcher.
        """
        if self._hookRunner is not None:
            self._hookRunner.said(messages)
        if self._watcher is not None:
            self._watcher.said(messages)

    def changed(self, room: Room, changes: Sequence[Change]) -> None:
        """
        Apply changes.
        """
        self.effects.apply(room, changes)

    def lost(self, room: Room, member: IChatMember, reason: str) -> None:
        """
        Disconnect a member that has lost its name.
        """
        self.effects.lost(room, member, reason)
