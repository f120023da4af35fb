"""
A chat in memory, for the tests of applications that embed MaChat: without sockets, a running
reactor or waiting.

    >>> chat = MemoryChat()
    >>> mina = chat.tcp("Mina", "dev")
    >>> bot = chat.member("bot", "dev")
    >>> mina.send("hello")
    >>> chat.turn()
    >>> mina.received(), bot.received()
    (['Mina:hello'], ['Mina:hello'])

Messages are delivered at the end of a reactor turn: call L{MemoryChat.turn}.
"""

from machat.testing.chat import MemoryChat, MemoryMember
from machat.testing.clients import (
    MemoryClient,
    MemoryTransport,
    MemoryWebSocketClient,
    clientFrame,
    clientRequest,
)
from machat.testing.endpoint import MemoryEndpoint

__all__ = [
    "MemoryChat",
    "MemoryClient",
    "MemoryEndpoint",
    "MemoryMember",
    "MemoryTransport",
    "MemoryWebSocketClient",
    "clientFrame",
    "clientRequest",
]
