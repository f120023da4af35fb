"""
The interface of a dialect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import Attribute, Interface

from machat.entries import Entry, Event


class IDialect(Interface):
    """
    The encoding of events for one kind of member. A dialect is stateless and shared by all members
    that use it. A room encodes each batch once for each dialect that is present. Exceptions are
    logged and do not affect members of other dialects.
    """

    transport: str = Attribute("The transport that it is for, in one word.")
    name: str = Attribute("Its name, in one word.")

    def encode(entries: Sequence[Entry]) -> Any:
        """
        Encode a batch. Nearly all entries are instances of L{Message}.

        @return: the argument for C{deliver} of every member of this dialect; something that
            is false if this dialect does not send any of the entries
        """

    def encodeEvent(event: Event) -> Any:
        """
        Encode any other event.

        @return: the argument for C{deliver}, or C{None} if this dialect does not send such events
        """
