"""
The watcher of a chat, which receives all events of its rooms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Interface

from machat.records import Change


class IChatWatcher(Interface):
    """
    Observes all rooms of a chat. Its methods do not raise, and return at once. Unlike the hooks of
    an application, it decides nothing, and messages do not become slower.
    """

    def start() -> None:
        """
        The store of the chat has been started.
        """

    def stop() -> Deferred[None]:
        """
        The last message is stored, and the last member has left.

        @return: fires when the watcher does not need the store any more, after a bounded time
        """

    def said(messages: Sequence[Any]) -> None:
        """
        A batch of messages of a room is stored, whichever process appended it.

        @param messages: at least one L{machat.events.Message}
        """

    def joined(room: str, name: str) -> None:
        """
        A name has joined a room through this process.
        """

    def left(room: str, name: str) -> None:
        """
        The last member with this name in a room of this process has left.
        """

    def moderated(room: str, changes: Sequence[Change]) -> None:
        """
        Changes that a moderator made through this process are stored.
        """
