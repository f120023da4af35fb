"""
What a room expects of a dialect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import Attribute, Interface

from machat.events import Event, Message


class IDialect(Interface):
    """
    How events look to one kind of member. A dialect is stateless and shared by all who speak it: a
    room encodes a batch once for each dialect that is present. What it raises is logged and harms
    nobody of another dialect.
    """

    transport: str = Attribute("What it is made for, in a word.")
    name: str = Attribute("What it is called.")

    def encode(messages: Sequence[Message]) -> Any:
        """
        @return: what C{deliver} of every member of this dialect is called with
        """

    def encodeEvent(event: Event) -> Any:
        """
        @return: what C{deliver} is called with for any other event, or C{None} if this dialect has
            no words for it
        """
