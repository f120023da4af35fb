"""
The store of a chat: the log of its messages, and the names in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from machat.events import Draft, Message, Position


class IMessageLog(Interface):
    """
    Numbers, keeps and delivers each room's messages. A room is named by its key.
    """

    def follow(room: str, deliver: Callable[[Sequence[Message]], None]) -> Deferred[Position]:
        """
        Open a room's log. From now on C{deliver} is called with every batch of this room, whoever
        appended it, once and in order, until L{unfollow}.

        @return: fires with the L{Position} of the log's top, before the first C{deliver}
        """

    def append(room: str, batch: Sequence[Draft]) -> Deferred[range]:
        """
        Number and keep a batch, then deliver it to those who follow the room.

        @param batch: at least one. While thirty-two of a room are under way, its clients wait
        @return: fires with the numbers given when the batch is kept; whether it has been delivered
            by then is the engine's affair
        """

    def read(room: str, after: int, limit: int) -> Deferred[Sequence[Message]]:
        """
        @return: fires with at most C{limit} kept messages whose number is above C{after}, in order
        """

    def unfollow(room: str) -> None:
        """
        Deliver no more of this room. What is kept lives on to the log's own limits.
        """


class IRoster(Interface):
    """
    Who is where, and that a name is taken once in a room. Spellings with one
    L{machat.names.key} are one name.
    """

    def claim(room: str, name: str, known: bool = False) -> Deferred[bool]:
        """
        @param known: whether this is a user who has shown to be the one of this name, and may claim
            it several times
        @return: fires when the name is this caller's, with whether nobody had it before; fails with
            L{ChatError} C{name-taken}
        """

    def release(room: str, name: str) -> bool:
        """
        Give back a claimed name.

        @return: whether nobody has it any more
        """

    def members(room: str) -> Deferred[Sequence[str]]:
        """
        @return: fires with the names in the room, in the order of their claims
        """
