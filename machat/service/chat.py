"""
The chat: sending messages, the flush at the end of each turn, and the connections.

All messages that a room receives in one turn of the reactor form one batch. C{say} only adds to the
room's batch. The first message of a turn schedules one flush for the whole chat. The flush passes
each room's batch to the store, which numbers, stores and then delivers it. While the store is busy
with a batch of a room, later messages form its next batch. Therefore the order is total per room
and the same for all members, and every delivered message is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from machat import commands, names, wire
from machat.auth.login import Attempt, Authenticator
from machat.auth.users import IChatUser
from machat.clock import chatClock
from machat.connections.elsewhere import Elsewhere
from machat.connections.evictions import Evictions
from machat.connections.registry import Connections
from machat.connections.shaper import SharedRates
from machat.entries import Content, Draft
from machat.errors import FAILED, SHUTDOWN, ChatError
from machat.events import History, Joined, Members, Position, Receipt, RoomList
from machat.interfaces import (
    IChatHooks,
    IChatMember,
    IChatRoom,
    IChatWatcher,
    IClientConnection,
    ISharedRooms,
    IStore,
)
from machat.interfaces.evictions import IEvictions
from machat.limits import DEFAULTS, Limits
from machat.logbook import Logbook
from machat.metrics import Metrics
from machat.moderation.announcer import Announcer
from machat.moderation.effects import Effects
from machat.moderation.policy import RoomPolicy
from machat.moderation.sanctions import Sanctions
from machat.moderation.service import Moderation
from machat.records import Change
from machat.rooms.arrival import Wish
from machat.rooms.batch import DRAFT_BYTES, QUEUED
from machat.rooms.direct import Directs
from machat.rooms.directory import Directory
from machat.rooms.hookrunner import HookRunner
from machat.rooms.listing import Listing
from machat.rooms.personal import People
from machat.rooms.reading import Reader
from machat.rooms.registry import Rooms
from machat.rooms.room import Room
from machat.rooms.typing import announceTyping
from machat.rooms.visitors import Visitors
from machat.service.batches import Batches
from machat.service.contents import draftOf
from machat.service.keeper import RoomKeeper
from machat.service.lifecycle import Lifecycle
from machat.service.publisher import Gate, Published, Publisher
from machat.service.stop import STOPPING, Dismissals
from machat.service.submitter import Submitter
from machat.store.memory import MemoryStore
from machat.transport.budget import SendBudget
from machat.transport.deadlines import Deadlines
from machat.transport.sockets import Sockets


@implementer(IChatRoom)
class ChatService(Lifecycle):
    """
    One chat. Add the services that listen for it (C{strports} services with a factory of
    L{machat.tcp} or L{machat.ws}) as its children, so that stopping the chat first stops listening.

    @ivar clock: the reactor, or a L{twisted.internet.task.Clock} in a test
    @ivar limits: see L{Limits}
    @ivar moderation: kicks, mutes, bans, locks and topics
    @ivar store: the store
    @ivar people: what is stored about the users
    @ivar evictions: closes the connections of a name
    @ivar visitors: reads rooms, and listens to them, without joining them
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits = DEFAULTS,
        store: IStore | None = None,
        hooks: IChatHooks | None = None,
        portal: Portal | None = None,
    ) -> None:
        """
        @param store: by default a L{MemoryStore}. The chat starts and stops it
        @param hooks: an application's own rules; none by default
        @param portal: returns an L{IChatUser} for credentials; by default none are required
        """
        clock = chatClock(clock)
        store = MemoryStore(clock, limits) if store is None else store
        Lifecycle.__init__(self, clock, Logbook(clock), store)
        self.limits = limits
        self.metrics = Metrics()
        self.sendBudget = SendBudget(limits.maxWaitingTotal)
        self.sockets = Sockets(clock)
        self.deadlines = Deadlines(clock, limits.joinTimeout)
        self._hookRunner = None if hooks is None else HookRunner(hooks)
        self._rates = SharedRates(clock, limits.roomRate, limits.addressRate)
        self._connections = connections = self._makeConnections()
        sanctions = Sanctions(clock, limits)
        self.evictions = Evictions(connections, IEvictions(store, None))
        self._rules = RoomPolicy(sanctions, connections, clock, limits, store.quotas)
        self._keeper = keeper = RoomKeeper(self._hookRunner, self.sendBudget.busy)
        self._directory = directory = Directory(
            self._openRoom, self.metrics, keeper, self._rules.begin
        )
        self.people = People(clock, self._openStored)
        directs = Directs(self.people)
        self._rooms = self._makeRooms(directs)
        keeper.effects = effects = Effects(self._rooms, connections, sanctions)
        self._batches = self._makeBatches()
        announcer = Announcer(self.metrics, self._announce)
        self.moderation = Moderation(directory, connections, sanctions, effects, announcer)
        self.moderation.accounts = portal is not None
        self.visitors = Visitors(directory, limits)
        self._reader = Reader(clock, limits, directory)
        gate = Gate(self._rules, self._hookRunner, directs)
        self._publisher = Publisher(clock, directory, self._rates, gate, self._publish)
        self._submitter = Submitter(self._rules, self._hookRunner, self._batches, directory.release)
        self._authenticator = self._makeAuthenticator(portal, directs)
        self._dismissals = Dismissals(connections, directory, self._rooms)

    def _makeConnections(self) -> Connections:
        quotas = self.store.quotas
        elsewhere = None if quotas is None else Elsewhere(self.clock, quotas, self.limits)
        return Connections(self.limits, self.store.shared, elsewhere)

    def _makeAuthenticator(self, portal: Portal | None, directs: Directs) -> Authenticator | None:
        if portal is None:
            return None
        quotas = self.store.quotas
        authenticator = Authenticator(self.clock, self.limits, portal, self.logbook, quotas)
        directs.exists = authenticator.exists
        return authenticator

    def _makeRooms(self, directs: Directs) -> Rooms:
        return Rooms(
            self.clock,
            self.limits,
            self._directory,
            self._hookRunner,
            self._rules,
            self._requireOpen,
            directs,
            ISharedRooms(self.store, None),
        )

    def _makeBatches(self) -> Batches:
        return Batches(
            self.clock,
            self.metrics,
            self._directory.closeIfDeserted,
            self._checkStopped,
            self.sockets.callAfterwards,
        )

    def watch(self, watcher: IChatWatcher) -> None:
        """
        Report everything that happens in the rooms to a watcher. Call it once, before the start.
        """
        self._watcher = self._rooms.watcher = watcher
        self._keeper.watch(watcher)

    def join(
        self,
        member: IChatMember,
        roomName: str,
        since: Position | None = None,
        history: int = 0,
        watch: bool = False,
        key: str | None = None,
    ) -> Deferred[Joined]:
        try:
            self._requireOpen(member)
        except ChatError:
            return fail()
        wish = Wish(since, history, watch, self._connections.holder(member), key)
        return self._rooms.join(member, roomName, wish)

    def leave(self, member: IChatMember, roomName: str) -> None:
        self._rooms.leave(member, roomName)

    def typing(self, member: IChatMember, roomName: str) -> None:
        room = self._directory.find(member, roomName)
        if room.muted:
            self._rules.requireSay(member, room)
        if not self.sendBudget.tight:
            announceTyping(room, member, self.clock.seconds())

    def sayAll(self, member: IChatMember, roomName: str, texts: Sequence[str], paced: bool) -> bool:
        rooms = self._directory.byKey
        room = rooms.get(roomName)
        if room is None:  # most names are keys: saves two calls
            room = rooms.get(names.key(roomName))
        if (
            room is None
            or room.muted
            or self._hookRunner is not None
            or (claim := room.members.get(member)) is None
        ):
            return False
        count = len(texts)
        together = texts[0] if count == 1 else "".join(texts)
        if "\n" in together or not (together.isascii() or wire.isText(together)):
            return False
        name = claim.name
        if paced:
            network = self._connections.networks.get(member)
            size = wire.weigh(together, room.name, name, count)
            if not self._rates.takeFree(network, room.name, size):
                return False
        batch = room.batch
        if batch is None:
            batch = self._batches.begin(room)
        elif batch.size >= QUEUED:
            return False
        batch.size += len(together) + DRAFT_BYTES * count
        for text in texts:
            batch.drafts.append(Draft(room.name, name, text))
            batch.senders.append(member)
        return True

    def say(self, member: IChatMember, roomName: str, text: str) -> Deferred[None] | None:
        room = self._directory.find(member, roomName)
        draft = Draft(room.name, room.members[member].name, text)
        waiting = self._submitter.submit(member, room, draft)
        if waiting is None and room.storing is not None and room.batch is not None:
            return room.batch.wait()
        return waiting

    def pace(self, member: IChatMember, roomName: str, size: int) -> Deferred[None] | None:
        network = self._connections.networks.get(member)
        if self._rates.takeFree(network, roomName, size):
            return None
        waiting = self._rates.take(network, roomName, member, size)
        if waiting is not None:
            self.metrics.throttles += 1
        return waiting

    def post(
        self, member: IChatMember, roomName: str, content: str | Content, id: str | None = None
    ) -> Deferred[Receipt]:
        try:
            room = self._directory.find(member, roomName)
            draft = draftOf(room, room.members[member].name, content, id)
        except ChatError:
            return fail()
        return self._submitter.post(member, room, draft)

    def publish(
        self, sender: IChatMember, roomName: str, content: str | Content, id: str | None = None
    ) -> Deferred[Published]:
        return Deferred.fromCoroutine(self._publisher.publish(sender, roomName, content, id))

    def _publish(self, room: Room, draft: Draft, receipt: Deferred[Receipt]) -> None:
        if self.draining:
            raise ChatError(FAILED, STOPPING)
        (room.batch or self._batches.begin(room)).post(draft, receipt)

    def _announce(self, room: Room, text: str | None, changes: Sequence[Change]) -> Deferred[None]:
        batch = room.batch or self._batches.begin(room)
        if text is not None:
            batch.announce(Draft(room.name, names.RESERVED, text))
        done = batch.change(changes)
        if self._watcher is not None and changes:
            done.addCallback(self._changed, self._watcher, room.name, changes)
        return done

    def _changed(
        self, _: None, watcher: IChatWatcher, room: str, changes: Sequence[Change]
    ) -> None:
        watcher.moderated(room, changes)

    def history(
        self,
        member: IChatMember,
        roomName: str,
        before: int | None = None,
        after: int | None = None,
        limit: int = 300,
    ) -> Deferred[History]:
        return Deferred.fromCoroutine(self._reader.history(member, roomName, before, after, limit))

    def search(
        self, member: IChatMember, roomName: str, asked: commands.History
    ) -> Deferred[History]:
        network = self._connections.networks.get(member)
        return Deferred.fromCoroutine(self._reader.search(member, roomName, asked, network))

    def who(self, member: IChatMember, roomName: str) -> Deferred[Members]:
        return Deferred.fromCoroutine(self._reader.who(member, roomName))

    def top(self, member: IChatMember, roomName: str) -> int:
        position = self._directory.find(member, roomName).position
        return 0 if position is None else position.seq

    def listRooms(self, prefix: str = "", after: str = "", limit: int = 100) -> Deferred[RoomList]:
        return self._rooms.listing.page(prefix, after, limit)

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

    def _identify(
        self, user: IChatUser, connection: IClientConnection
    ) -> IChatUser | Deferred[IChatUser]:
        waiting = None if user.name is None else self._connections.identify(connection, user.name)
        return user if waiting is None else waiting.addCallback(lambda _: user)

    def ended(self, connection: IClientConnection) -> None:
        self._connections.end(connection)

    def closed(self, connection: IClientConnection) -> None:
        self._connections.discard(connection)
        self._checkStopped()

    def issue(self, connection: IClientConnection) -> str:
        return self._connections.issue(connection)

    def takeOver(self, connection: IClientConnection, secret: str) -> None:
        self._connections.takeOver(connection, secret)

    @property
    def listing(self) -> Listing:
        """
        The list of rooms for clients.
        """
        return self._rooms.listing

    @property
    def connections(self) -> Connections:
        """
        The connections of this chat.
        """
        return self._connections

    @property
    def rooms(self) -> Directory:
        """
        The rooms of this chat.
        """
        return self._directory
