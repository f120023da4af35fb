"""
The connections of a chat: their number, their addresses, and the rate of data that each address
may send.
"""

from machat.connections.registry import Connections
from machat.connections.shaper import Shaper, Shapers

__all__ = [
    "Connections",
    "Shaper",
    "Shapers",
]
