"""
Calls an application's hooks for the rooms, in order, and contains the exceptions of the hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.entries import Edit, Entry, RichDraft, Said
from machat.errors import FAILED, ChatError
from machat.interfaces import IChatHooks, IChatMember
from machat.rooms.room import Room
from machat.rooms.sequencer import Sequencer

#: The text of an error that the client did not cause.
FAULT = "internal server error"


class HookRunner:
    """
    Calls the hooks of a chat. It keeps the order of each room's messages while hooks are asked, and
    contains the exceptions that they raise.
    """

    _log = Logger()

    def __init__(self, hooks: IChatHooks) -> None:
        self._hooks = hooks

    def mayJoin(self, member: IChatMember, room: Room) -> Deferred[None]:
        """
        @return: fires if the member may join, and else fails with L{ChatError}
        """
        asked: Deferred[Any] = maybeDeferred(self._hooks.authorizeJoin, member, room.name)
        return asked.addErrback(self.refused)

    def maySay(self, member: IChatMember, room: Room, text: str) -> str | Deferred[str]:
        """
        Ask the hook about a message.

        @return: the text to send; or a C{Deferred}, if the hook returned one or if earlier messages
            of the room still wait. The Deferreds of a room fire in the order of the calls. They
            fail with L{ChatError} if the message is refused, or if the member leaves first
        @raise ChatError: the message is refused
        """
        answer: Any
        try:
            answer = self._hooks.authorizeSay(member, room.name, text)
            if not isinstance(answer, (Deferred, Coroutine)):
                _checkText(answer)
        except Exception:
            failure = self.refused(Failure())
            if not room.sequencer:
                failure.raiseException()
            answer = fail(failure)
        if not (room.sequencer or isinstance(answer, (Deferred, Coroutine))):
            return cast(str, answer)
        if room.sequencer is None:
            room.sequencer = Sequencer()
        asked: Deferred[str] = maybeDeferred(lambda: answer)
        asked.addCallback(_checkText).addErrback(self.refused)
        return room.sequencer.push(member, asked)

    def maySend(self, member: IChatMember, room: Room, draft: RichDraft) -> Deferred[RichDraft]:
        """
        Ask the hooks about any other entry.

        @return: fires with the entry, in the order of the calls, as the C{Deferred} of L{maySay}
        """
        if room.sequencer is None:
            room.sequencer = Sequencer()
        asked = Deferred.fromCoroutine(self._ask(member, room.name, draft))
        return room.sequencer.push(member, asked.addErrback(self.refused))

    async def _ask(self, member: IChatMember, room: str, draft: RichDraft) -> RichDraft:
        hooks, content = self._hooks, draft.content
        if isinstance(content, (Said, Edit)):
            text = await maybeDeferred(hooks.authorizeSay, member, room, content.text)
            content = replace(content, text=_checkText(text))
        await maybeDeferred(hooks.authorizeEntry, member, room, content)
        return replace(draft, text=content.text, content=content)

    def refused(self, failure: Failure) -> Failure:
        """
        @return: the failure if it is a L{ChatError}. Any other failure is logged, and one with
            L{ChatError} C{failed} is returned
        """
        if failure.check(ChatError):
            return failure
        self._log.failure("a hook raised an exception", failure)
        return Failure(ChatError(FAILED, FAULT))

    def joined(self, member: IChatMember, room: Room) -> None:
        """
        Report a join.
        """
        self._tell(self._hooks.joined, member, room.name)

    def left(self, member: IChatMember, room: Room) -> None:
        """
        Report that a member has left.
        """
        self._tell(self._hooks.left, member, room.name)

    def said(self, messages: Sequence[Entry]) -> None:
        """
        Report that a batch was delivered.
        """
        self._tell(self._hooks.said, messages)

    def _tell(self, observe: Callable[..., None], *arguments: Any) -> None:
        try:
            observe(*arguments)
        except Exception:
            self._log.failure("a hook raised an exception")


def _checkText(answer: object) -> str:
    if not isinstance(answer, str):
        raise TypeError(f"authorizeSay returned {answer!r}")
    return answer
