"""
The end of a user's connections, in all processes of a chat.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface


class IEvictions(Interface):
    """
    A store through which the processes of a chat ask each other to close connections.
    """

    evicted: Callable[[str], object] = Attribute(
        "Called with a key of a name, when another process has called L{evict} with it. The chat"
        " sets it."
    )

    def evict(key: str) -> Deferred[None]:
        """
        Ask the other processes to close all connections of a name.

        @param key: the key of the name, see L{machat.names.key}
        @return: fires when all processes that are alive have received the request; fails with
            L{ChatError<machat.errors.ChatError>} C{failed} if the store is not available
        """
