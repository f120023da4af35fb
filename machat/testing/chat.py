"""
A chat in memory, and its members inside the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from machat.client import ChatClient
from machat.commands import Auth
from machat.errors import Disconnect
from machat.events import Event, Message
from machat.interfaces import IChatHooks, IStore
from machat.limits import DEFAULTS, Limits
from machat.member import Member
from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.testing.clients import MemoryClient, MemoryWebSocketClient
from machat.testing.endpoint import MemoryEndpoint
from machat.ws import ChatWebSocketFactory


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
    @ivar service: the L{ChatService}
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
        self.service = ChatService(self.clock, limits, store, hooks, portal)
        self._tcp = ChatFactory(self.service)
        self._ws = ChatWebSocketFactory(self.service)
        self.endpoint = MemoryEndpoint(self.clock, self._tcp)

    def client(
        self,
        name: str,
        listener: Callable[[Event], object] = lambda event: None,
        credentials: Callable[[], Auth] = Auth,
    ) -> ChatClient:
        """
        @param name: the client's name
        @param listener: called with each event
        @param credentials: see L{ChatClient}
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
        client = MemoryClient(self._tcp)
        if name is not None:
            client.join(name, room)
        return client

    def ws(self, name: str | None = None, room: str = "lounge") -> MemoryWebSocketClient:
        """
        @param name: the client's name; without it, no hello is sent
        @param room: the room to join
        @return: a WebSocket client of the C{text} dialect
        """
        client = MemoryWebSocketClient(self._ws)
        if name is not None:
            client.join(name, room)
        return client
