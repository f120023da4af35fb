"""
A client for your own program: it reconnects, recovers missed messages and sends each message once.
"""

from machat.client.service import ChatClient
from machat.sansio import (
    Connected,
    Ended,
    Failed,
    Gap,
    Lost,
    NotConnected,
    TooMuch,
    Unknown,
)

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
