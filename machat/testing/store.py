"""
A store that can be made slow or unavailable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.errors import FAILED, ChatError, MaybeStored, NotStored
from machat.events import Draft, Message, Position, Receipt
from machat.interfaces import IRoomObserver, IStore, IStoredRoom
from machat.records import Change, Claim, Claimed, Health, Names, RoomRecord, Size, Stored

#: The time limit of an operation, seconds.
DEADLINE = 10.0

_CUT = "the test has cut the store: call restore()"


def _refuse(sent: bool) -> ChatError:
    return ChatError(FAILED, "the store is not available")


def _refuseToStore(sent: bool) -> ChatError:
    if sent:
        return MaybeStored("the store did not answer in time")
    return NotStored("the store is not available")


class _Operation:
    """
    An operation that waits for the store.

    @ivar due: the time at which the store performs it, seconds
    @ivar sent: whether it was on its way to the store before the store was cut
    @ivar messages: the number of messages that it stores
    @ivar perform: performs it
    @ivar undo: called with a result that comes after the time limit
    @ivar result: fires with its result
    @ivar over: whether C{result} has fired
    @ivar timer: the time limit; C{None} if there is none
    """

    __slots__ = ("due", "sent", "messages", "perform", "undo", "result", "over", "timer")

    def __init__(
        self, due: float, sent: bool, messages: int, perform: Callable[[], object]
    ) -> None:
        self.due = due
        self.sent = sent
        self.messages = messages
        self.perform = perform
        self.undo: Callable[[Any], object] | None = None
        self.result: Deferred[Any] = Deferred()
        self.over = False
        self.timer: IDelayedCall | None = None

    def end(self, result: Any) -> None:
        """
        Fire with a result or a failure, unless the time limit has passed.
        """
        self.cancel()
        if not self.over:
            self.over = True
            self.result.callback(result)
        elif self.undo is not None and not isinstance(result, Failure):
            self.undo(result)

    def cancel(self) -> None:
        """
        Remove the time limit.
        """
        if self.timer is not None and self.timer.active():
            self.timer.cancel()


class _Line:
    """
    The way to the store: operations pass it in their order, and each takes some time.

    @ivar up: whether the store is available
    @ivar since: the time since which C{up} has had this value
    @ivar seconds: the time that each operation takes
    @ivar dead: whether the process has been killed: nothing passes any more
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.up = True
        self.since = clock.seconds()
        self.seconds = 0.0
        self.dead = False
        self._waiting: deque[_Operation] = deque()
        self._performing = False
        self._idle: list[Deferred[None]] = []

    @property
    def messages(self) -> int:
        """
        The number of messages that wait to be stored.
        """
        return sum(each.messages for each in self._waiting if not each.over)

    def set(self, up: bool, seconds: float) -> None:
        """
        Change whether and how fast operations pass. Those that wait continue at the end of this
        turn, unless the store is cut or slow.
        """
        if up != self.up:
            self.up, self.since = up, self._clock.seconds()
        self.seconds = seconds
        if not seconds:
            for operation in self._waiting:
                operation.due = self._clock.seconds()
        self._clock.callLater(0, self._pass)

    def ask(
        self,
        perform: Callable[[], Deferred[Any]],
        messages: int | None = None,
        undo: Callable[[Any], object] | None = None,
    ) -> Deferred[Any]:
        """
        Perform an operation, after those that wait.

        @param messages: the number of messages that it stores; C{None} if it is not an append
        @param undo: called with a result that comes after the time limit
        @return: fires with the result, or fails at the time limit
        """
        refuse = _refuse if messages is None else _refuseToStore
        if self.dead:
            return fail(refuse(False))
        if self.clear:
            return perform()
        operation = self._add(perform, messages or 0)
        operation.undo = undo
        operation.timer = self._clock.callLater(DEADLINE, self._expire, operation, refuse)
        return operation.result

    def tell(self, perform: Callable[[], object]) -> None:
        """
        Perform an operation without a result and without a time limit, after those that wait.
        """
        if self.dead:
            return
        if self.clear:
            perform()
        else:
            self._add(perform, 0)

    @property
    def clear(self) -> bool:
        """
        Whether an operation passes at once.
        """
        return self.up and not self.seconds and not self._waiting and not self._performing

    def _add(self, perform: Callable[[], object], messages: int) -> _Operation:
        now = self._clock.seconds()
        due = now + self.seconds
        if self._waiting:
            due = max(due, self._waiting[-1].due)
        operation = _Operation(due, self.up, messages, perform)
        self._waiting.append(operation)
        self._clock.callLater(due - now, self._pass)
        return operation

    def _expire(self, operation: _Operation, refuse: Callable[[bool], ChatError]) -> None:
        """
        An operation has reached its time limit. Only an append that was sent is performed later.
        """
        error = refuse(operation.sent)
        if not isinstance(error, MaybeStored) and operation in self._waiting:
            self._waiting.remove(operation)
        operation.end(Failure(error))
        self._checkIdle()

    def _pass(self) -> None:
        """
        Perform the operations that are due, one after the other.
        """
        now = self._clock.seconds()
        while self.up and not self._performing and self._waiting and self._waiting[0].due <= now:
            operation = self._waiting.popleft()
            self._performing = True
            performing = maybeDeferred(operation.perform)
            performing.addBoth(self._performed, operation)
        self._checkIdle()

    def _performed(self, result: Any, operation: _Operation) -> None:
        self._performing = False
        operation.end(result)
        self._clock.callLater(0, self._pass)

    def idle(self) -> Deferred[None]:
        """
        @return: fires when all operations have been performed or have failed
        """
        waiting: Deferred[None] = Deferred()
        self._idle.append(waiting)
        self._checkIdle()
        return waiting

    def _checkIdle(self) -> None:
        """
        Fire L{idle}. While the store is cut, only operations with a time limit delay it.
        """
        delayed = [each for each in self._waiting if self.up or (each.timer and not each.over)]
        if not self._performing and not delayed:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)

    def empty(self) -> None:
        """
        Forget the operations that wait.
        """
        for operation in self._waiting:
            operation.cancel()
        self._waiting.clear()


@implementer(IRoomObserver)
class _Observer:
    """
    Passes reports on to a room, until it is closed.
    """

    def __init__(self, line: _Line, observer: IRoomObserver) -> None:
        self._line = line
        self._observer = observer
        self.closed = False

    @property
    def _silent(self) -> bool:
        return self.closed or self._line.dead

    def said(self, messages: Sequence[Message], changes: Sequence[Change]) -> None:
        if not self._silent:
            self._observer.said(messages, changes)

    def moved(self, position: Position, complete: bool) -> None:
        if not self._silent:
            self._observer.moved(position, complete)

    def presence(self, joined: Sequence[str], left: Sequence[str]) -> None:
        if not self._silent:
            self._observer.presence(joined, left)

    def lost(self, claim: Claim, reason: str) -> None:
        if not self._silent:
            self._observer.lost(claim, reason)


@implementer(IStoredRoom)
class _Room:
    """
    An open room of an L{UnreliableStore}.
    """

    def __init__(self, line: _Line, room: IStoredRoom, observer: _Observer) -> None:
        self._line = line
        self._room = room
        self._observer = observer

    @property
    def name(self) -> str:
        """
        See L{IStoredRoom}.
        """
        return self._room.name

    @property
    def position(self) -> Position:
        """
        See L{IStoredRoom}.
        """
        return self._room.position

    @property
    def record(self) -> RoomRecord:
        """
        See L{IStoredRoom}.
        """
        return self._room.record

    def append(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        return self._line.ask(lambda: self._room.append(batch, changes), len(batch))

    def read(self, after: int, limit: int) -> Deferred[Sequence[Message]]:
        return self._line.ask(lambda: self._room.read(after, limit))

    def covers(self, position: Position) -> bool:
        return self._room.covers(position)

    def find(self, sender: str, id: str) -> Deferred[Receipt | None]:
        return self._line.ask(lambda: self._room.find(sender, id))

    def claim(self, claim: Claim, most: int) -> Deferred[Claimed]:
        return self._line.ask(
            lambda: self._room.claim(claim, most), undo=lambda _: self._room.release(claim)
        )

    def release(self, claim: Claim) -> None:
        self._line.tell(lambda: self._room.release(claim))

    def members(self, limit: int) -> Deferred[Names]:
        return self._line.ask(lambda: self._room.members(limit))

    def close(self) -> None:
        self._observer.closed = True
        self._line.tell(self._room.close)


@implementer(IStore)
class UnreliableStore:
    """
    A store that can be made slow or unavailable, as a disk or an engine on another machine may be.
    It passes all operations on to another store, in their order.

    While the store is cut, operations wait. After their time limit of L{DEADLINE} seconds they
    fail, and are not performed later, with one exception: an append that was already on its way
    when the store was cut, or that takes longer than the time limit, fails with L{MaybeStored} and
    is performed and reported later.

    @ivar store: the other store
    """

    def __init__(self, clock: IReactorTime, store: IStore) -> None:
        self.store = store
        self._clock = clock
        self._line = _Line(clock)

    @property
    def shared(self) -> bool:
        """
        See L{IStore}.
        """
        return self.store.shared

    def cut(self) -> None:
        """
        Make the store unavailable.
        """
        self._line.set(False, self._line.seconds)

    def restore(self) -> None:
        """
        Make the store available. Operations that wait are performed at the end of this turn.
        """
        self._line.set(True, self._line.seconds)

    def lag(self, seconds: float) -> None:
        """
        Let every operation take some time. 0 ends this, also for the operations that wait.
        """
        self._line.set(self._line.up, seconds)

    def kill(self) -> None:
        """
        End the process: from now on, this object performs nothing and reports nothing.
        """
        self._line.dead = True
        self._line.empty()

    def start(self) -> Deferred[None]:
        return self._line.ask(self.store.start)

    def stop(self) -> Deferred[None]:
        return succeed(None) if self._line.dead else self._line.idle().addCallback(self._stop)

    def _stop(self, _: None) -> Deferred[None]:
        self._line.empty()
        return self.store.stop()

    def health(self) -> Health:
        if not self._line.up:
            return Health(False, self._line.since, self._line.messages, _CUT)
        health = self.store.health()
        since = max(health.since, self._line.since)
        return health._replace(since=since, waiting=health.waiting + self._line.messages)

    def size(self) -> Size | None:
        return self.store.size()

    def open(
        self, key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        reports = _Observer(self._line, observer)

        def wrap(room: IStoredRoom) -> IStoredRoom:
            return _Room(self._line, room, reports)

        return self._line.ask(
            lambda: self.store.open(key, name, reports, network).addCallback(wrap),
            undo=lambda room: room.close(),
        )
