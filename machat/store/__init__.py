"""
The store of a chat: it numbers, keeps and delivers the messages, and keeps the names in use, the
ids of recent messages, the topics, the locks and the sanctions.
"""

from machat.store.memory import MemoryStore

__all__ = ["MemoryStore"]
