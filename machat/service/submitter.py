"""
Messages, and changes of messages, from members of a room: the checks before they join its batch.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat.entries import Draft, RichDraft
from machat.errors import ChatError
from machat.events import Receipt
from machat.interfaces import IChatMember
from machat.moderation.policy import RoomPolicy
from machat.rooms.hookrunner import HookRunner
from machat.rooms.room import Room
from machat.service.batches import Batches
from machat.service.contents import checked


class Submitter:
    """
    Adds the drafts of members to the batches of their rooms, if the rules and the hooks allow it.
    """

    def __init__(
        self,
        rules: RoomPolicy,
        hookRunner: HookRunner | None,
        batches: Batches,
        release: Callable[[Room], object],
    ) -> None:
        """
        @param release: called with a room when an operation that has incremented C{Room.holds} ends
        """
        self._rules = rules
        self._hookRunner = hookRunner
        self._batches = batches
        self._release = release

    def post(self, member: IChatMember, room: Room, draft: Draft) -> Deferred[Receipt]:
        """
        Add a draft whose sender waits for its number.

        @return: see L{machat.interfaces.IChatRoom.post}
        """
        receipt: Deferred[Receipt] = Deferred()
        try:
            waiting = self.submit(member, room, draft, receipt)
        except ChatError as error:
            return Deferred.fromCoroutine(self._unlessStored(room, draft, error))
        if waiting is not None:
            waiting.addErrback(self._refused, room, draft, receipt)
        return receipt

    def submit(
        self,
        member: IChatMember,
        room: Room,
        draft: Draft,
        receipt: Deferred[Receipt] | None = None,
    ) -> Deferred[None] | None:
        """
        Add a draft to the batch of its room.

        @param receipt: fires when the store has the message. It does not fire if this method
            raises, or if the C{Deferred} that it returns fails
        @return: C{None}; or, if a hook has not answered yet, a C{Deferred} that fires or fails
            after the answer
        @raise ChatError: the message is refused
        """
        if room.muted:
            self._rules.requireSay(member, room)
        if isinstance(draft, RichDraft):
            return Deferred.fromCoroutine(self._addRich(member, room, draft, receipt))
        if self._hookRunner is None:
            self._add(member, room, draft, receipt)
            return None
        room.holds += 1
        try:
            answer = self._hookRunner.maySay(member, room, draft.text)
            if not isinstance(answer, Deferred):
                self._addAllowed(member, room, replace(draft, text=answer), receipt)
                return None
            room.holds += 1
            return Deferred.fromCoroutine(self._addLater(member, room, draft, answer, receipt))
        finally:
            self._release(room)

    async def _addRich(
        self,
        member: IChatMember,
        room: Room,
        draft: RichDraft,
        receipt: Deferred[Receipt] | None,
    ) -> None:
        """
        Add an entry of any kind.
        """
        room.holds += 1
        try:
            draft = await self._rules.permitted(member, room, draft)
            if self._hookRunner is not None:
                draft = await self._hookRunner.maySend(member, room, draft)
            self._addAllowed(member, room, draft, receipt)
        finally:
            self._release(room)

    async def _addLater(
        self,
        member: IChatMember,
        room: Room,
        draft: Draft,
        answer: Deferred[str],
        receipt: Deferred[Receipt] | None,
    ) -> None:
        """
        Wait for a hook, then add the message.
        """
        try:
            self._addAllowed(member, room, replace(draft, text=await answer), receipt)
        finally:
            self._release(room)

    def _addAllowed(
        self,
        member: IChatMember,
        room: Room,
        draft: Draft,
        receipt: Deferred[Receipt] | None,
    ) -> None:
        """
        Add a message that a hook has allowed. The answer may have taken some time, so check again
        that the sender may send it.
        """
        self._rules.requireStillSay(member, room)
        self._add(member, room, draft, receipt)

    def _add(
        self,
        member: IChatMember,
        room: Room,
        draft: Draft,
        receipt: Deferred[Receipt] | None,
    ) -> None:
        draft = checked(draft)
        batch = room.batch or self._batches.begin(room)
        if receipt is None:
            batch.say(draft, member)
        else:
            batch.post(draft, receipt)

    def _refused(
        self, failure: Failure, room: Room, draft: Draft, receipt: Deferred[Receipt]
    ) -> None:
        assert isinstance(failure.value, ChatError)
        finding = Deferred.fromCoroutine(self._unlessStored(room, draft, failure.value))
        finding.chainDeferred(receipt)

    async def _unlessStored(self, room: Room, draft: Draft, refusal: ChatError) -> Receipt:
        """
        Refuse a message, unless it was sent again, and stored before.

        @return: the receipt of the stored message
        @raise ChatError: C{refusal}
        """
        room.holds += 1
        try:
            receipt = await storedBefore(room, draft)
        finally:
            self._release(room)
        if receipt is None:
            raise refusal
        return receipt


async def storedBefore(room: Room, draft: Draft) -> Receipt | None:
    """
    @return: the receipt of a refused message that was sent again and had been stored before
    """
    if draft.id is None or room.stored is None:
        return None
    return await room.stored.find(draft.sender, draft.id)
