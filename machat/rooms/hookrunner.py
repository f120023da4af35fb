"""
Calls an application's hooks for the rooms, in order, and contains what they raise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.errors import FAILED, ChatError
from machat.events import Message
from machat.interfaces import IChatHooks, IChatMember
from machat.rooms.room import Room
from machat.rooms.sequencer import Sequencer

#: What is said of a fault that is not the client's.
FAULT = "something went wrong at the server's end"


class HookRunner:
    """
    Between a chat and its hooks: keeps the order of a room while they are asked, and what they
    raise from everybody else.
    """

    _log = Logger()

    def __init__(self, hooks: IChatHooks) -> None:
        self._hooks = hooks

    def mayJoin(self, member: IChatMember, room: Room) -> Deferred[None]:
        """
        @return: fires if the member may; else fails with L{ChatError}
        """
        asked: Deferred[Any] = maybeDeferred(self._hooks.authorizeJoin, member, room.name)
        return asked.addErrback(self.refused)

    def maySay(self, member: IChatMember, room: Room, text: str) -> Deferred[str]:
        """
        @return: fires with the text to send, in the order in which this was called for the room;
            fails with L{ChatError}, also if the member leaves before
        """
        if room.sequencer is None:
            room.sequencer = Sequencer()
        asked = maybeDeferred(self._hooks.authorizeSay, member, room.name, text)
        return room.sequencer.push(member, asked.addErrback(self.refused))

    def refused(self, failure: Failure) -> Failure:
        """
        @return: the L{ChatError} that was raised, or one in place of something that is logged
        """
        if failure.check(ChatError):
            return failure
        self._log.failure("a hook failed", failure)
        return Failure(ChatError(FAILED, FAULT))

    def joined(self, member: IChatMember, room: Room) -> None:
        """
        Tell of a member who has joined.
        """
        self._tell(self._hooks.joined, member, room.name)

    def left(self, member: IChatMember, room: Room) -> None:
        """
        Tell of a member who has left.
        """
        self._tell(self._hooks.left, member, room.name)

    def deliver(self, room: Room, messages: Sequence[Message]) -> None:
        """
        Deliver a batch, and tell of it.
        """
        room.deliver(messages)
        self._tell(self._hooks.said, messages)

    def _tell(self, observe: Callable[..., None], *arguments: Any) -> None:
        try:
            observe(*arguments)
        except Exception:
            self._log.failure("a hook failed")
