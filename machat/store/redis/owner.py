"""
The parts of the store that its components use, and the failures of their commands.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from machat.errors import FAILED, ChatError
from machat.store.redis.appending import UNAVAILABLE
from machat.store.redis.faults import EngineFault
from machat.store.redis.node import Node
from machat.store.redis.session import LinkLost, Session, within

_T = TypeVar("_T")


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


def sessionOf(store: Owner) -> Session:
    """
    @return: the session of this node, which holds its lease
    @raise ChatError: C{failed}: the node has no session, or no lease
    """
    node = store.node
    if node.session is None or not node.holds():
        raise ChatError(FAILED, UNAVAILABLE)
    return node.session


def answer(store: Owner, seconds: float, waiting: Deferred[_T]) -> Deferred[_T]:
    """
    Limit the time for the answer to one command, or to several.

    @return: fires with the answer; fails with L{ChatError} C{failed} if the engine does not answer
        in time, or refuses a command
    """
    return within(store.clock, seconds, waiting, "answer").addErrback(_unavailable)


def _unavailable(failure: Failure) -> Failure:
    if failure.check(LinkLost, EngineFault):
        raise ChatError(FAILED, UNAVAILABLE) from None
    return failure
