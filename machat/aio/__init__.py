"""
A client for asyncio: it reconnects, recovers missed messages and sends each message once.

It needs only C{msgspec}, and for WebSockets C{websockets}. It loads no module of Twisted.
"""

from machat.aio.client import ChatClient
from machat.aio.events import Events, Room
from machat.sansio import Connected, Ended, Failed, Gap, Lost, NotConnected, TooMuch, Unknown

__all__ = [
    "ChatClient",
    "Connected",
    "Ended",
    "Events",
    "Failed",
    "Gap",
    "Lost",
    "NotConnected",
    "Room",
    "TooMuch",
    "Unknown",
]
