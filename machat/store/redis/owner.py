"""
The store, as its parts that send commands of their own see it.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from machat.store.redis.node import Node


class Owner(Protocol):
    """
    The store.

    @ivar node: this process as a node
    @ivar process: identifies this process among the writers
    """

    node: Node
    process: bytes

    @property
    def clock(self) -> IReactorTime:
        """
        Measures all times.
        """
