"""
The durable store of one server, in an SQLite database.

L{SqliteStore} and the rooms that it opens run in the reactor's thread and keep the numbers of the
rooms, the ids and the names in memory. L{writer} collects the operations of all rooms, and a thread
carries them out, one transaction at a time. A second thread reads messages. A third one reads the
whole database, to count the rooms and to plan deletions.
"""

from machat.store.sqlite.faults import StoreError
from machat.store.sqlite.store import SQLITE_DEFAULTS, SqliteStore

__all__ = ["SQLITE_DEFAULTS", "SqliteStore", "StoreError"]
