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
    A log that numbers, stores and delivers the messages of each room. Rooms are identified by their
    keys.
    """

    def follow(room: str, deliver: Callable[[Sequence[Message]], None]) -> Deferred[Position]:
        """
        Open the log of a room. Until L{unfollow}, the log calls C{deliver} with each batch of this
        room, whichever process appended it, once and in order.

        @return: fires with the L{Position} of the last message, before the first C{deliver}
        """

    def append(room: str, batch: Sequence[Draft]) -> Deferred[range]:
        """
        Number and store a batch, then deliver it to the followers of the room.

        @param batch: at least one message. While 32 batches of a room are pending, its clients wait
        @return: fires with the numbers of the messages when the batch is stored. The batch may be
            delivered before or after that
        """

    def read(room: str, after: int, limit: int) -> Deferred[Sequence[Message]]:
        """
        Read stored messages.

        @return: fires with the first C{limit} messages whose number is above C{after}, in order
        """

    def unfollow(room: str) -> None:
        """
        Stop delivering the batches of this room. Its stored messages remain, within the limits of
        the log.
        """


class IRoster(Interface):
    """
    The names in each room. A name can be claimed once in a room. Spellings with the same
    L{machat.names.key} are the same name.
    """

    def claim(room: str, name: str, known: bool = False) -> Deferred[bool]:
        """
        Claim a name in a room.

        @param known: whether the claim is from the authenticated user of this name, who may claim
            it several times
        @return: fires when the name is claimed, with whether this is its first claim; fails with
            L{ChatError} C{name-taken}
        """

    def release(room: str, name: str) -> bool:
        """
        Release one claim of a name.

        @return: whether this was its last claim
        """

    def members(room: str) -> Deferred[Sequence[str]]:
        """
        List the names in a room.

        @return: fires with the names, in the order of their claims
        """
