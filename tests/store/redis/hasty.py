"""
Runs C{twistd} with short leases in Redis::

    python -m tests.store.redis.hasty -n --pidfile= machat --store redis:...
"""

from __future__ import annotations

from twisted.scripts.twistd import run

from machat.store.redis import lease, node

#: The factor by which the times are shorter.
FACTOR = 8

if __name__ == "__main__":
    for module, name in ((node, "BEAT"), (node, "PATIENCE"), (lease, "LEASE")):
        setattr(module, name, getattr(module, name) / FACTOR)
    run()
