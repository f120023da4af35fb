"""
Polls other descriptors in the place of a reactor's own.

An C{epoll} descriptor can itself be polled (C{epoll(7)}). If the connections of a chat are polled
by an C{epoll} instance inside the reactor's, each of their turns takes two system calls, and the
reactor calls the inner instance as one of its descriptors, with a copy of the logging context.
L{Turns} does it the other way round: the reactor's instance is one descriptor of the outer one, and
its own descriptors are served only in the turns in which one of them is ready. In a turn with one
message, this saves a fifth of the instructions.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import Any


class Turns:
    """
    The turns of a reactor whose C{epoll} instance is polled by another one.

    @ivar place: an empty C{epoll} instance, which is never ready. A reader with its descriptor can
        be in the reactor, so that the reactor ends it when it stops
    """

    def __init__(
        self, reactor: Any, epoll: Any, serve: Callable[[Sequence[tuple[int, int]]], object]
    ) -> None:
        """
        @param reactor: a reactor of which L{mayLead} is true
        @param epoll: the outer C{epoll} instance
        @param serve: called in each turn with the descriptors of C{epoll} that are ready, and their
            events. It passes those that it does not know to L{noteReady}
        """
        self.place = select.epoll()
        self._reactor = reactor
        self._epoll = epoll
        self._serve = serve
        self._inner = reactor._poller.fileno()
        self._iterateInner = reactor.doIteration
        self._ready = False
        epoll.register(self._inner, select.EPOLLIN)
        reactor.doIteration = self._iterate

    def _iterate(self, delay: float | None) -> None:
        """
        Wait until a descriptor is ready, or until this number of seconds has passed.
        """
        self._serve(self._epoll.poll(delay))
        if self._ready:
            self._ready = False
            self._iterateInner(0)

    def noteReady(self, descriptor: int) -> None:
        """
        A descriptor is ready. If it is the reactor's, the reactor is called in this turn.
        """
        if descriptor == self._inner:
            self._ready = True

    def end(self) -> None:
        """
        Let the reactor poll its descriptors itself again.
        """
        del self._reactor.doIteration
        self._epoll.unregister(self._inner)
        self.place.close()


def mayLead(reactor: Any) -> bool:
    """
    @return: whether L{Turns} can be used with a reactor: it has an C{epoll} instance, and no other
        L{Turns}
    """
    poller = getattr(reactor, "_poller", None)  # private in Twisted, so it may be missing
    return isinstance(poller, select.epoll) and "doIteration" not in vars(reactor)
