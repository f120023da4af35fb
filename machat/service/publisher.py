"""
Messages from senders that are not in the room, such as a web application.
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
from machat.errors import BAD_COMMAND, BUSY, ChatError
from machat.events import Draft, Receipt
from machat.interfaces import IChatMember
from machat.moderation.policy import RoomPolicy
from machat.rooms.hookrunner import HookRunner
from machat.rooms.room import Room
from machat.rooms.visitors import Visitors

NOT_A_LINE = "a message must be one line of Unicode text"

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

    def __init__(self, rules: RoomPolicy, hookRunner: HookRunner | None) -> None:
        self._rules = rules
        self._hookRunner = hookRunner

    async def allow(self, sender: IChatMember, room: Room, draft: Draft) -> Draft:
        """
        @return: the message, which a hook may have changed
        @raise ChatError: the message is refused
        """
        self._rules.requirePublish(draft.sender, room)
        if self._hookRunner is None:
            return draft
        answer = self._hookRunner.maySay(sender, room, draft.text)
        if isinstance(answer, Deferred):
            answer = await answer
            self._rules.requirePublish(draft.sender, room)
        return replace(draft, text=checkLine(answer))


class Publisher:
    """
    Sends messages to rooms in which their senders are not.
    """

    def __init__(
        self,
        clock: ChatClock,
        visitors: Visitors,
        rates: SharedRates,
        gate: Gate,
        add: Callable[[Room, Draft, Deferred[Receipt]], None],
    ) -> None:
        """
        @param add: adds a message to the batch of its room, or raises L{ChatError}
        """
        self._clock = clock
        self._visitors = visitors
        self._rates = rates
        self._gate = gate
        self._add = add

    async def publish(
        self, sender: IChatMember, roomName: str, text: str, id: str | None
    ) -> Published:
        """
        See L{machat.interfaces.IChatRoom.publish}.
        """
        name = names.checkName(sender.name)
        async with self._visitors.visit(roomName) as room:
            draft = Draft(room.name, name, checkLine(text), id)
            await self._pace(sender, room, draft)
            receipt = await self._send(sender, room, draft)
            assert room.position is not None, "the room is open"
            return Published(room.name, room.position.epoch, receipt.seq, receipt.duplicate)

    async def _send(self, sender: IChatMember, room: Room, draft: Draft) -> Receipt:
        try:
            allowed = await self._gate.allow(sender, room, draft)
        except ChatError:
            receipt = await _found(room, draft)
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
        waiting = self._rates.take(None, room.name, sender.peer, size)
        if waiting is not None:
            try:
                await waiting.addTimeout(PATIENCE, self._clock)
            except DeferredTimeout:
                text = f"{room.name} receives more than it may: try again in {PATIENCE:g} s"
                raise ChatError(BUSY, text, retry=PATIENCE) from None


async def _found(room: Room, draft: Draft) -> Receipt | None:
    """
    @return: the receipt of a refused message that was sent again and had been stored before
    """
    if draft.id is None or room.stored is None:
        return None
    return await room.stored.find(draft.sender, draft.id)


def checkLine(text: str) -> str:
    """
    @return: the text of a message
    @raise ChatError: C{bad-command}: it has several lines, or cannot be encoded
    """
    if "\n" in text or not (text.isascii() or wire.isText(text)):
        raise ChatError(BAD_COMMAND, NOT_A_LINE)
    return text
