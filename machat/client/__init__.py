"""
A client for your own program: it reconnects, recovers missed messages and sends each message once.
"""

from machat.client.events import Connected, Ended, Failed, Gap, Lost, NotConnected
from machat.client.outgoing import TooMuch, Unknown
from machat.client.service import ChatClient

__all__ = [
    "ChatClient",
    "Connected",
    "Ended",
    "Failed",
    "Gap",
    "Lost",
    "NotConnected",
    "TooMuch",
    "Unknown",
]
