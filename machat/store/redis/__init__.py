"""
A chat in Redis 7 or Valkey, which several processes serve together. Importing this package installs
the reactor, because C{txredisapi} does: only the programs of C{machat.tap} may import it.
"""

from machat.store.redis.location import Location, parseLocation
from machat.store.redis.store import RedisStore

__all__ = ["Location", "RedisStore", "parseLocation"]
