"""
The plugins for C{twistd machat --store}.
"""

from machat.tap.redis import RedisStoreFactory
from machat.tap.stores import MemoryStoreFactory, SqliteStoreFactory

memory = MemoryStoreFactory()
sqlite = SqliteStoreFactory()
redis = RedisStoreFactory(tls=False)
rediss = RedisStoreFactory(tls=True)
