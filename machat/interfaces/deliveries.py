"""
The messages of each room that a program outside the chat has received, as the store remembers them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred
from zope.interface import Interface


class Undelivered(NamedTuple):
    """
    A room with messages that have not been delivered.

    @ivar name: the name of the room
    @ivar seq: the number of its last message
    """

    name: str
    seq: int


class IDeliveries(Interface):
    """
    A store that remembers, for each room, the number of the last message that was delivered. The
    record is as durable as the messages, and ends with the room.

    Each C{Deferred} fails with L{ChatError<machat.errors.ChatError>} C{failed} if the store is not
    available.
    """

    def undelivered(limit: int) -> Deferred[Sequence[Undelivered]]:
        """
        Find the rooms with messages after the last delivered one. When it is called for the first
        time in the life of the store, all messages stored so far count as delivered.

        @param limit: the maximum number of rooms
        """

    def claimDelivery(key: str) -> Deferred[int | None]:
        """
        Begin or continue to deliver the messages of a room. If several processes share the store,
        at most one of them delivers a room; its claim expires 30 seconds after the last call.

        @param key: the key of the room, see L{machat.names.key}
        @return: fires with the number of the last message that was delivered, 0 if there is none;
            with C{None} if another process delivers the room
        """

    def delivered(key: str, seq: int, more: bool) -> Deferred[None]:
        """
        Record that the messages of a room up to this number were delivered.

        @param more: whether this process continues to deliver the room. Otherwise, the claim ends
        """
