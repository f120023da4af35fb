"""
A chat in memory, and its members inside the process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from machat.client import ChatClient
from machat.clock import chatClock
from machat.commands import Auth
from machat.errors import Disconnect
from machat.events import Event, Message
from machat.interfaces import IChatHooks, IStore
from machat.limits import DEFAULTS, Limits
from machat.member import Member
from machat.service import ChatService
from machat.store.memory import MemoryStore
from machat.tcp import ChatFactory
from machat.testing.clients import MemoryClient, MemoryWebSocketClient
from machat.testing.endpoint import MemoryEndpoint
from machat.testing.store import UnreliableStore
from machat.ws import ChatWebSocketFactory

_Client = TypeVar("_Client", bound=MemoryClient)


class MemoryMember(Member):
    """
    A member inside the process that keeps the events that it receives.

    @ivar messages: the L{Message}s since the last call of L{received}
    @ivar events: all events, including messages
    @ivar end: the L{Disconnect} that ended the chat for this member, or C{None}
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.end: Disconnect | None = None

    def heard(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Message):
            self.messages.append(event)

    def disconnected(self, end: Disconnect) -> None:
        self.end = end

    def received(self) -> list[str]:
        """
        @return: the messages since the last call, each in the form C{name:text}
        """
        messages, self.messages = self.messages, []
        return [f"{message.sender}:{message.text}" for message in messages]


class MemoryChat:
    """
    A chat with its own clock.

    @ivar clock: the L{Clock<twisted.internet.task.Clock>} that runs all timers
    @ivar service: the L{ChatService}. L{restart} replaces it
    @ivar store: the L{IStore} that contains the data of the chat
    @ivar endpoint: the L{MemoryEndpoint} for clients
    """

    def __init__(
        self,
        limits: Limits = DEFAULTS,
        store: IStore | None = None,
        hooks: IChatHooks | None = None,
        clock: Clock | None = None,
        portal: Portal | None = None,
    ) -> None:
        """
        @param limits: the limits of the chat
        @param store: see L{ChatService}
        @param hooks: see L{ChatService}
        @param clock: the clock; by default a new one
        @param portal: see L{ChatService}
        """
        self.clock = Clock() if clock is None else clock
        shared = chatClock(self.clock)
        self.store: IStore = MemoryStore(shared, limits) if store is None else store
        self._serviceOf = partial(ChatService, shared, limits, hooks=hooks, portal=portal)
        self._clients: list[MemoryClient] = []
        self._begin()
        self.endpoint = MemoryEndpoint(self.clock, self._tcp)

    def _begin(self) -> None:
        """
        Begin a process.
        """
        self._access = UnreliableStore(self.clock, self.store)
        self.service: ChatService = self._serviceOf(store=self._access)
        self._tcp = ChatFactory(self.service)
        self._ws = ChatWebSocketFactory(self.service)
        self.service.startService()

    def cut(self) -> None:
        """
        Make the store unavailable until L{restore}. Operations wait for it. After 10 s they fail:
        an append with C{unknown} if it was on its way when the store was cut, else with C{failed}.
        """
        self._access.cut()

    def restore(self) -> None:
        """
        End L{cut}. Operations that wait are performed at the end of this turn.
        """
        self._access.restore()

    def lag(self, seconds: float) -> None:
        """
        Let every operation of the store take some time on C{clock}. If this is more than 10 s,
        an append fails with C{unknown} after 10 s, and its messages are delivered later.

        @param seconds: the time; 0 lets the store answer at once again
        """
        self._access.lag(seconds)

    def restart(self, clean: bool = True) -> None:
        """
        Restart the process of the chat. C{service} is a new L{ChatService} with the data of the
        store. All members and clients are disconnected; a client from L{client} reconnects when
        C{clock} advances. L{cut} and L{lag} end. The store must answer without a reactor.

        @param clean: whether the chat is stopped, so that clients are notified. Otherwise, the
            process is killed: connections close without notice, members are not notified, and
            messages that are not stored are lost
        """
        refused, self.endpoint.refuses = self.endpoint.refuses, True
        try:
            self._end(clean)
        finally:
            self.endpoint.refuses = refused
        self._clients.clear()
        self._begin()
        self.endpoint.serve(self._tcp)

    def _end(self, clean: bool) -> None:
        """
        End the process, see L{restart}.
        """
        if clean:
            self._complete(self.service.stopService())
        else:
            self._access.kill()
            self._disconnect()
            self.service.logbook.close()
            self._complete(self.store.stop())

    def _complete(self, stopping: Deferred[None]) -> None:
        """
        Advance the clock until something has stopped, for at most a minute.
        """
        outcome: list[object] = []
        stopping.addBoth(outcome.append)
        for _ in range(60):
            self.clock.advance(0)
            if not outcome:
                self.clock.advance(1)
        if not outcome:
            raise AssertionError("the chat has not stopped within a minute of its clock")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()

    def _disconnect(self) -> None:
        """
        Close all connections. The clients receive nothing more.
        """
        self.endpoint.cut()
        connected = [client for client in self._clients if client.connected]
        received = [client.transport.value() for client in connected]
        for client in connected:
            client.close()
        for client, data in zip(connected, received, strict=True):
            client.transport.clear()
            client.transport.write(data)

    def client(
        self,
        name: str,
        listener: Callable[[Event], object] = lambda event: None,
        credentials: Callable[[], Auth] = Auth,
    ) -> ChatClient:
        """
        @param name: the client's name
        @param listener: called with each event
        @param credentials: see L{machat.client.ChatClient}
        @return: a started client that connects through C{endpoint}
        """
        client = ChatClient(self.clock, self.endpoint, name, listener, credentials=credentials)
        client.startService()
        return client

    def turn(self) -> None:
        """
        End the reactor turn: messages are delivered.
        """
        self.clock.advance(0)

    def member(self, name: str, room: str, watch: bool = False) -> MemoryMember:
        """
        @param name: the member's name
        @param room: the room to join
        @param watch: whether the member receives presence updates
        @return: a member inside the process that has joined the room
        @raise ChatError: the join was refused
        """
        member = MemoryMember(name)
        results: list[Any] = []
        self.service.join(member, room, watch=watch).addBoth(results.append)
        if results and isinstance(results[0], Failure):
            results[0].raiseException()
        return member

    def tcp(self, name: str | None = None, room: str = "lounge") -> MemoryClient:
        """
        @param name: the client's name; without it, no hello is sent
        @param room: the room to join
        @return: a TCP client of the C{text} dialect
        """
        return self._connect(MemoryClient(self._tcp), name, room)

    def ws(self, name: str | None = None, room: str = "lounge") -> MemoryWebSocketClient:
        """
        @param name: the client's name; without it, no hello is sent
        @param room: the room to join
        @return: a WebSocket client of the C{text} dialect
        """
        return self._connect(MemoryWebSocketClient(self._ws), name, room)

    def _connect(self, client: _Client, name: str | None, room: str) -> _Client:
        self._clients.append(client)
        if name is not None:
            client.join(name, room)
        return client
