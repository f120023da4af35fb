"""
A place for an application's own code in a room.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger
from zope.interface import implementer

from machat.errors import Disconnect
from machat.events import Event, Left
from machat.interfaces import IChatMember, IChatUser
from machat.wire import TYPED


@implementer(IChatMember)
class Member:
    """
    A member without a connection: it hears events as Python objects, one at a time, and does
    nothing with them. For subclasses that do.

    @ivar name: the member's name: see L{machat.names.checkName}
    @cvar user: the user whose rights limit the member; C{None}: the member may join and say
        everything that the hooks allow, and moderate nothing
    @cvar peer: the member's address, as the log names it
    """

    dialect = TYPED
    user: IChatUser | None = None
    peer = "this process"
    silent = False
    _log = Logger()

    def __init__(self, name: str) -> None:
        self.name = name

    def heard(self, event: Event) -> None:
        """
        Something has happened in a room of this member: a L{machat.events.Message}, its own too;
        where it watches, a L{machat.events.Presence} or L{machat.events.RoomState}; or a
        L{machat.events.Left} with a reason: a moderator has taken it out. What this raises is
        logged.
        """

    def disconnected(self, end: Disconnect) -> None:
        """
        The chat is over for this member: it stops.
        """

    def deliver(self, batch: Sequence[Event]) -> None:
        for event in batch:
            try:
                self.heard(event)
            except Exception:
                self._log.failure("the member {name} failed", name=self.name)

    def removed(self, room: str, reason: str) -> None:
        self.deliver((Left(room=room, reason=reason),))
