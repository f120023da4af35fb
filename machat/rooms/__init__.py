"""
One room, and the rooms of a chat by name: members, batches, order, presence and recovery. A room
knows no transport, no frame and no JSON.
"""

from machat.rooms.registry import Rooms
from machat.rooms.room import Room

__all__ = [
    "Room",
    "Rooms",
]
