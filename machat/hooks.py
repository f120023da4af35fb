"""
The base class for an application's own rules.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from machat.entries import Content, Entry
from machat.interfaces import IChatHooks, IChatMember


@implementer(IChatHooks)
class Hooks:
    """
    Allows everything. Subclasses override the methods that they need; L{IChatHooks} describes when
    each is called.
    """

    def authorizeJoin(self, member: IChatMember, room: str) -> Deferred[None] | None:
        return None

    def authorizeSay(self, member: IChatMember, room: str, text: str) -> Deferred[str] | str:
        return text

    def authorizeEntry(
        self, member: IChatMember, room: str, content: Content
    ) -> Deferred[None] | None:
        return None

    def joined(self, member: IChatMember, room: str) -> None:
        pass

    def left(self, member: IChatMember, room: str) -> None:
        pass

    def said(self, messages: Sequence[Entry]) -> None:
        pass
