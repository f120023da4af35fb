"""
The store of a chat: it numbers, keeps and delivers the messages, and keeps the names in use and
the ids of recent messages. These classes keep everything in the memory of one process.
"""

from machat.store.deduplication import Receipts
from machat.store.memory import MemoryLog, Size
from machat.store.roster import MemoryRoster

__all__ = [
    "MemoryLog",
    "MemoryRoster",
    "Receipts",
    "Size",
]
