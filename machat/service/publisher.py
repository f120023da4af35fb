"""
Messages, and changes of messages, from senders that are not in the room, such as a web application.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout

from machat import names, wire
from machat.clock import ChatClock
from machat.connections.shaper import SharedRates
from machat.entries import Content, Draft, RichDraft, Said
from machat.errors import BUSY, ChatError
from machat.events import Receipt
from machat.interfaces import IChatMember
from machat.moderation.policy import RoomPolicy
from machat.rooms.direct import Directs
from machat.rooms.directory import Directory
from machat.rooms.hookrunner import HookRunner
from machat.rooms.room import Room
from machat.service.contents import checked, draftOf
from machat.service.submitter import storedBefore

#: The maximum time for which a message waits for the byte rate of its room, seconds.
PATIENCE = 5.0


class Published(Struct, frozen=True):
    """
    Confirmation that a message is stored.

    @ivar room: the room's name, as spelled by the member who created it
    @ivar epoch: see L{machat.events.Position}
    @ivar seq: the message's number
    @ivar duplicate: whether a message with the same id had already been stored, so that this one
        was discarded
    """

    room: str
    epoch: str
    seq: int
    duplicate: bool


class Gate:
    """
    Decides whether messages may be published.
    """

    def __init__(self, rules: RoomPolicy, hookRunner: HookRunner | None, directs: Directs) -> None:
        """
        @param directs: opens direct conversations
        """
        self._directs = directs
        self._rules = rules
        self._hookRunner = hookRunner

    async def allow(self, sender: IChatMember, room: Room, draft: Draft) -> Draft:
        """
        @return: the message, which a hook may have changed
        @raise ChatError: the message is refused
        """
        if names.partners(room.name) is not None:
            await self._directs.enter(room)
        self._rules.requirePublish(draft.sender, room)
        if isinstance(draft, RichDraft):
            draft = await self._rules.permitted(sender, room, draft)
            if self._hookRunner is None:
                return draft
            draft = await self._hookRunner.maySend(sender, room, draft)
            self._rules.requirePublish(draft.sender, room)
        elif self._hookRunner is None:
            return draft
        else:
            answer = self._hookRunner.maySay(sender, room, draft.text)
            if isinstance(answer, Deferred):
                answer = await answer
                self._rules.requirePublish(draft.sender, room)
            draft = replace(draft, text=answer)
        return checked(draft)


class Publisher:
    """
    Sends messages, and changes of messages, to rooms in which their senders are not.
    """

    def __init__(
        self,
        clock: ChatClock,
        directory: Directory,
        rates: SharedRates,
        gate: Gate,
        add: Callable[[Room, Draft, Deferred[Receipt]], None],
    ) -> None:
        """
        @param add: adds a message to the batch of its room, or raises L{ChatError}
        """
        self._clock = clock
        self._directory = directory
        self._rates = rates
        self._gate = gate
        self._add = add

    async def publish(
        self, sender: IChatMember, roomName: str, content: str | Content, id: str | None
    ) -> Published:
        """
        See L{machat.interfaces.IChatRoom.publish}.
        """
        name = names.checkName(sender.name)
        async with self._directory.visit(roomName, sender.peer) as room:
            draft = checked(draftOf(room, name, content, id))
            await self._pace(sender, room, draft)
            receipt = await self._send(sender, room, draft)
            assert room.position is not None, "the room is open"
            return Published(room.name, room.position.epoch, receipt.seq, receipt.duplicate)

    async def _send(self, sender: IChatMember, room: Room, draft: Draft) -> Receipt:
        try:
            allowed = await self._gate.allow(sender, room, draft)
        except ChatError:
            receipt = await storedBefore(room, draft)
            if receipt is None:
                raise
            return receipt
        storing: Deferred[Receipt] = Deferred()
        self._add(room, allowed, storing)
        return await storing

    async def _pace(self, sender: IChatMember, room: Room, draft: Draft) -> None:
        """
        Wait until the message fits into the byte rate of the room, which all senders share.
        """
        size = wire.weigh(draft.text, room.name, draft.sender)
        if isinstance(draft, RichDraft) and isinstance(draft.content, Said):
            size += len(draft.content.json)
        waiting = self._rates.take(None, room.name, sender.peer, size)
        if waiting is not None:
            try:
                await waiting.addTimeout(PATIENCE, self._clock)
            except DeferredTimeout:
                text = f"{room.name} receives more than it may: try again in {PATIENCE:g} s"
                raise ChatError(BUSY, text, retry=PATIENCE) from None
