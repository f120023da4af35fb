"""
The base class for members inside the process.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger
from zope.interface import implementer

from machat.errors import ChatError, Disconnect
from machat.events import Error, Event, Left
from machat.interfaces import IChatMember, IChatUser
from machat.wire import TYPED


@implementer(IChatMember)
class Member:
    """
    A member without a connection. It receives events as Python objects, one at a time. Subclasses
    override L{heard} and L{disconnected}; by default, events are ignored.

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
        Receive an event of a room that this member has joined. Exceptions are logged.

        @param event: a L{machat.events.Message}, including the member's own; a
            L{machat.events.Presence} or L{machat.events.RoomState}, if the member watches the room;
            a L{machat.events.Moved}; a L{machat.events.Left} with a reason, if a moderator has
            removed it; or a L{machat.events.Error}, if messages that it sent were not stored
        """

    def disconnected(self, end: Disconnect) -> None:
        """
        The chat has ended for this member, for example because it stops.

        @param end: the reason
        """

    def deliver(self, batch: Sequence[Event]) -> None:
        for event in batch:
            try:
                self.heard(event)
            except Exception:
                self._log.failure(
                    "heard() of the member {name} raised an exception",
                    name=self.name,
                )

    def notStored(self, room: str, error: ChatError) -> None:
        self.deliver((Error(code=error.code, text=error.text),))

    def removed(self, room: str, reason: str) -> None:
        self.deliver((Left(room=room, reason=reason),))
