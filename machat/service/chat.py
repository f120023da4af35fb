"""
The chat: sending messages, the flush at the end of each turn, and the connections.

All messages that a room receives in one turn of the reactor form one batch. C{say} only adds to the
room's pending list. The first message of a turn schedules one flush for the whole chat. The flush
passes each room's batch to the log, which numbers, stores and then delivers it. Therefore the order
is total per room and the same for all members, and every delivered message is in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from twisted.application.service import MultiService
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import names, wire
from machat.auth.login import Attempt, Authenticator
from machat.auth.users import IChatUser
from machat.clock import chatClock
from machat.connections.registry import Connections
from machat.connections.shaper import SharedRates
from machat.errors import BAD_COMMAND, FAILED, SHUTDOWN, ChatError
from machat.events import Draft, History, Joined, Members, Position, Receipt
from machat.interfaces import (
    IChatHooks,
    IChatMember,
    IChatRoom,
    IClientConnection,
    IMessageLog,
    IRoster,
)
from machat.limits import DEFAULTS, Limits
from machat.logbook import Logbook
from machat.metrics import Metrics
from machat.moderation.policy import RoomPolicy
from machat.moderation.sanctions import Sanctions
from machat.moderation.service import Moderation
from machat.rooms.hookrunner import HookRunner
from machat.rooms.registry import Rooms
from machat.rooms.room import BEHIND, Room
from machat.service.batches import Batches
from machat.service.stop import STOPPING, Dismissals, Stage, Stop
from machat.store.deduplication import Receipts
from machat.store.memory import MemoryLog
from machat.store.roster import MemoryRoster
from machat.transport.budget import SendBudget

NOT_A_LINE = "a message must be one line of Unicode text"


@implementer(IChatRoom)
class ChatService(MultiService):
    """
    One chat. Add the services that listen for it (C{strports} services with a factory of
    L{machat.tcp} or L{machat.ws}) as its children, so that stopping the chat first stops listening.

    @ivar clock: the reactor, or a L{twisted.internet.task.Clock} in a test
    @ivar limits: see L{Limits}
    @ivar moderation: kicks, mutes, bans, locks and topics
    """

    _logger = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits = DEFAULTS,
        log: IMessageLog | None = None,
        roster: IRoster | None = None,
        hooks: IChatHooks | None = None,
        portal: Portal | None = None,
    ) -> None:
        """
        @param log: by default a L{MemoryLog}
        @param roster: by default a L{MemoryRoster}
        @param hooks: an application's own rules; none by default
        @param portal: returns an L{IChatUser} for credentials. Without a portal, no credentials are
            required
        """
        MultiService.__init__(self)
        self.clock = clock = chatClock(clock)
        self.limits = limits
        self.metrics = Metrics()
        self.sendBudget = SendBudget(limits.maxWaitingTotal)
        self.logbook = Logbook(clock)
        self._hookRunner = None if hooks is None else HookRunner(hooks)
        self._log = MemoryLog(clock, limits, self._payerOf) if log is None else log
        self._connections = Connections(limits)
        sanctions = Sanctions(clock, limits)
        self._rules = RoomPolicy(sanctions, self._connections)
        self._rooms = Rooms(
            clock,
            limits,
            self._log,
            MemoryRoster() if roster is None else roster,
            self._hookRunner,
            self.metrics,
            self._rules,
            self._requireOpen,
        )
        self._batches = Batches(
            clock, self._log, self.metrics, self._rooms.closeIfDeserted, self._checkStopped
        )
        self.moderation = Moderation(
            self._rooms, self._connections, sanctions, self.metrics, self._announce
        )
        self._receipts = Receipts(clock, limits)
        self._rates = SharedRates(clock, limits.roomRate, limits.addressRate)
        self._authenticator = (
            None if portal is None else Authenticator(clock, limits, portal, self.logbook)
        )
        self._stop: Stop | None = None
        self._dismissals = Dismissals(self._connections, self._rooms)

    def join(
        self,
        member: IChatMember,
        roomName: str,
        since: Position | None = None,
        history: int = 0,
        watch: bool = False,
    ) -> Deferred[Joined]:
        try:
            self._requireOpen(member)
        except ChatError:
            return fail()
        known = self._connections.known(member)
        return self._rooms.join(member, roomName, since, history, watch, known)

    def _requireOpen(self, member: IChatMember) -> None:
        """
        @raise ChatError: C{failed}: the chat is stopping or has stopped. The member is notified
        """
        if self.draining:
            self._dismissals.dismiss(member)
            raise ChatError(FAILED, STOPPING)

    def leave(self, member: IChatMember, roomName: str) -> None:
        self._rooms.leave(member, roomName)

    def _payerOf(self, room: str) -> str | None:
        return self._rooms.networkOf(room)

    def sayAll(self, member: IChatMember, roomName: str, texts: Sequence[str], paced: bool) -> bool:
        key = roomName.lower() if roomName.isascii() else names.key(roomName)
        room = self._rooms.byKey.get(key)
        if (
            room is None
            or room.muted
            or room.appending >= BEHIND
            or self._hookRunner is not None
            or (name := room.members.get(member)) is None
        ):
            return False
        together = "".join(texts)
        if "\n" in together or not (together.isascii() or wire.isText(together)):
            return False
        if paced:
            network = self._connections.networks.get(member)
            size = wire.weigh(together, room.name, name, len(texts))
            if not self._rates.takeFree(network, room.name, size):
                return False
        if not room.pending:
            self._batches.wake(room)
        for text in texts:
            room.pending.append(Draft(room.name, name, text))
        return True

    def say(self, member: IChatMember, roomName: str, text: str) -> Deferred[None] | None:
        room = self._rooms.find(member, roomName)
        if room.muted:
            self._rules.requireSay(member, room)
        waiting = self._submit(member, room, Draft(room.name, room.members[member], text))
        return room.waitForLog() if waiting is None and room.appending else waiting

    def pace(self, member: IChatMember, roomName: str, size: int) -> Deferred[None] | None:
        network = self._connections.networks.get(member)
        if self._rates.takeFree(network, roomName, size):
            return None
        waiting = self._rates.take(network, roomName, member, size)
        if waiting is not None:
            self.metrics.throttles += 1
        return waiting

    def post(
        self, member: IChatMember, roomName: str, text: str, id: str | None = None
    ) -> Deferred[Receipt]:
        receipt: Deferred[Receipt] = Deferred()
        answer = receipt
        try:
            room = self._rooms.find(member, roomName)
            draft = Draft(room.name, room.members[member], text)
            key = (room.key, names.key(draft.sender), id or "")
            known = self._receipts.find(key) if id is not None else None
            if known is not None:
                return known
            if room.muted:
                self._rules.requireSay(member, room)
            if id is not None:
                answer = self._receipts.begin(key, receipt)
            waiting = self._submit(member, room, draft, receipt)
        except ChatError:
            receipt.errback()
        else:
            if waiting is not None:
                waiting.addErrback(receipt.errback)
        return answer

    def _submit(
        self,
        member: IChatMember,
        room: Room,
        draft: Draft,
        receipt: Deferred[Receipt] | None = None,
    ) -> Deferred[None] | None:
        """
        Add a message to the room's batch, if the hooks allow it.

        @param receipt: fires when the log has the message. It does not fire if this method raises,
            or if the C{Deferred} that it returns fails
        @return: C{None}; or, if a hook has not answered yet, a C{Deferred} that fires or fails
            after the answer
        @raise ChatError: the message is refused
        """
        if self._hookRunner is None:
            self._add(room, draft, receipt)
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
            self._rooms.release(room)

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
            self._rooms.release(room)

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
        self._add(room, draft, receipt)

    def _add(self, room: Room, draft: Draft, receipt: Deferred[Receipt] | None = None) -> None:
        text = draft.text
        if "\n" in text or not (text.isascii() or wire.isText(text)):
            raise ChatError(BAD_COMMAND, NOT_A_LINE)
        if not room.pending:
            self._batches.wake(room)
        if receipt is not None:
            room.expected.append((len(room.pending), receipt))
        room.pending.append(draft)

    def _announce(self, room: Room, text: str) -> None:
        self._add(room, Draft(room.name, names.RESERVED, text))

    def history(
        self,
        member: IChatMember,
        roomName: str,
        before: int | None = None,
        after: int | None = None,
        limit: int = 300,
    ) -> Deferred[History]:
        return Deferred.fromCoroutine(self._rooms.history(member, roomName, before, after, limit))

    def who(self, member: IChatMember, roomName: str) -> Deferred[Members]:
        return Deferred.fromCoroutine(self._rooms.who(member, roomName))

    def opened(self, connection: IClientConnection, address: Any) -> float:
        allowed = self._connections.add(connection, address)
        if self.draining:
            connection.disconnected(SHUTDOWN)
        return allowed

    def admit(self, connection: IClientConnection, address: Any) -> None:
        self._connections.check(connection, address)

    def authenticate(
        self, connection: IClientConnection, password: str | None, token: str | None
    ) -> Deferred[IChatUser] | None:
        if self._authenticator is None:
            return None
        attempt = Attempt(
            name=connection.name,
            password=password,
            token=token,
            network=self._connections.networkOf(connection),
            peer=connection.peer,
            user=self._connections.userOf(connection),
        )
        return self._authenticator.authenticate(attempt).addCallback(self._identify, connection)

    def _identify(self, user: IChatUser, connection: IClientConnection) -> IChatUser:
        if user.name is not None:
            self._connections.identify(connection, user.name)
        return user

    def ended(self, connection: IClientConnection) -> None:
        self._connections.end(connection)

    def closed(self, connection: IClientConnection) -> None:
        self._connections.discard(connection)
        self._checkStopped()

    def issue(self, connection: IClientConnection) -> str:
        return self._connections.issue(connection)

    def takeOver(self, secret: str, name: str) -> None:
        self._connections.takeOver(secret, name)

    @property
    def draining(self) -> bool:
        """
        Whether the chat is stopping or has stopped. It admits no one then.
        """
        return self._stop is not None

    @property
    def connections(self) -> Connections:
        """
        The connections of this chat.
        """
        return self._connections

    @property
    def rooms(self) -> Rooms:
        """
        The rooms of this chat.
        """
        return self._rooms

    @property
    def log(self) -> IMessageLog:
        """
        The message log of this chat.
        """
        return self._log

    def startService(self) -> None:
        stop, self._stop = self._stop, None
        MultiService.startService(self)
        if stop is not None:
            self.logbook.close()
            stop.finish()

    def stopService(self) -> Deferred[None]:
        """
        Admit no one, stop the children, deliver all messages, and disconnect every member with
        L{SHUTDOWN}. The times to reconnect are spread over some seconds. You may call this from
        anywhere, and more than once.

        @return: fires when all connections are gone and the log has all messages. A connection that
            does not accept its last bytes within L{Limits.closeTimeout} seconds is aborted
        """
        stop = self._stop
        if stop is None:
            stop = self._stop = Stop()
            Deferred.fromCoroutine(self._dismissAll(stop)).addErrback(self._stopFailed)
        return stop.wait()

    def _stopFailed(self, failure: Failure) -> None:
        self._logger.failure("an error occurred while the chat was stopping", failure)

    async def _dismissAll(self, stop: Stop) -> None:
        await maybeDeferred(MultiService.stopService, self)
        if self._batches.pending:  # this may be inside a callback, where nothing may be delivered
            await deferLater(self.clock, 0)
        if stop is self._stop:
            self._batches.flush()
        if stop is self._stop:
            await self._dismissals.connections(self.clock, lambda: stop is self._stop)
        if stop is self._stop:
            self._dismissals.members()
        if stop is self._stop:  # the chat has not been started again
            stop.stage = Stage.DRAINING
            self._checkStopped()

    def _checkStopped(self) -> None:
        stop = self._stop
        if (
            stop is not None
            and stop.stage is Stage.DRAINING
            and not self._connections
            and self._batches.idle
        ):
            self.logbook.close()
            stop.finish()
