"""
The limit on the file descriptors of the process.
"""

from __future__ import annotations

import resource

from machat.limits import UNLIMITED

#: The share of the file descriptors of the process that connections may use.
CONNECTIONS = 0.9


def availableConnections() -> int:
    """
    @return: the number of connections that the hard limit on file descriptors allows
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return UNLIMITED if limit == resource.RLIM_INFINITY else int(limit * CONNECTIONS)


def raiseDescriptors() -> None:
    """
    Raise the soft limit on file descriptors to the hard limit.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
