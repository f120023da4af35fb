"""
The interface of a dialect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import Attribute, Interface

from machat.events import Event, Message


class IDialect(Interface):
    """
    The encoding of events for one kind of member. A dialect is stateless and shared by all members
    that use it. A room encodes each batch once for each dialect that is present. Exceptions are
    logged and do not affect members of other dialects.
    """

    transport: str = Attribute("The transport that it is for, in one word.")
    name: str = Attribute("Its name, in one word.")

    def encode(messages: Sequence[Message]) -> Any:
        """
        Encode a batch.

        @return: the argument for C{deliver} of every member of this dialect
        """

    def encodeEvent(event: Event) -> Any:
        """
        Encode any other event.

        @return: the argument for C{deliver}, or C{None} if this dialect does not send such events
        """
