"""
The plugins for C{twistd machat --store}.
"""

from machat.tap.stores import MemoryStoreFactory, SqliteStoreFactory

memory = MemoryStoreFactory()
sqlite = SqliteStoreFactory()
