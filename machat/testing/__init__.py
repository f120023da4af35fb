"""
A chat in memory, for the tests of applications that embed MaChat: without sockets, a running
reactor or waiting. Messages are delivered when you end a reactor turn, with L{MemoryChat.turn}.

    >>> chat = MemoryChat()
    >>> mina, bot = chat.tcp("Mina", "dev"), chat.member("bot", "dev")
    >>> mina.send("hello")
    >>> chat.turn()
    >>> mina.received(), bot.received()
    (['Mina:hello'], ['Mina:hello'])
"""

from machat.testing.chat import MemoryChat, MemoryMember
from machat.testing.clients import (
    MemoryClient,
    MemoryTransport,
    MemoryWebSocketClient,
    clientFrame,
    clientRequest,
)
from machat.testing.contract import StoreTests
from machat.testing.endpoint import MemoryEndpoint

__all__ = [
    "MemoryChat",
    "MemoryClient",
    "MemoryEndpoint",
    "MemoryMember",
    "MemoryTransport",
    "MemoryWebSocketClient",
    "StoreTests",
    "clientFrame",
    "clientRequest",
]
