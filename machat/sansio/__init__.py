"""
The client's side of the protocol, without I/O.

L{ClientCore} takes what happens (a connection, a line, a command of the application, the passing of
time) and returns what to do about it: connect, send a line, report an event, close. It does no I/O,
runs no timers and knows no framework. C{machat.client} and C{machat.aio} connect it to Twisted and
to asyncio.
"""

from machat.sansio.core import ClientCore
from machat.sansio.errors import Ended, NotConnected, TooMuch, Unknown
from machat.sansio.events import Connected, Failed, Gap, Lost
from machat.sansio.outputs import (
    Authenticate,
    Close,
    Confirmed,
    Connect,
    Notify,
    Output,
    Pause,
    Send,
    Settle,
)
from machat.sansio.reasons import Reason

__all__ = [
    "Authenticate",
    "ClientCore",
    "Close",
    "Confirmed",
    "Connect",
    "Connected",
    "Ended",
    "Failed",
    "Gap",
    "Lost",
    "NotConnected",
    "Notify",
    "Output",
    "Pause",
    "Reason",
    "Send",
    "Settle",
    "TooMuch",
    "Unknown",
]
