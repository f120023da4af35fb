"""
The log of each room, in memory: numbers, keeps a little, delivers.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import islice
from sys import getsizeof
from typing import NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from machat.clock import chatClock
from machat.events import Draft, Message, Position
from machat.interfaces import IMessageLog
from machat.limits import DEFAULTS, Limits

#: What an empty log of a room and a kept message without its text weigh, about, on CPython 3.11.
ROOM_BYTES = 1_536
MESSAGE_BYTES = 128

_EMPTY_TEXT = getsizeof("")


class _RoomLog:
    """
    One room's messages, newest last. Their numbers have no gaps, so a place in the log is found by
    arithmetic.
    """

    __slots__ = ("epoch", "seq", "kept", "bytes", "deliver", "idle")

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.seq = 0
        self.kept: deque[Message] = deque()
        self.bytes = ROOM_BYTES
        self.deliver: Callable[[Sequence[Message]], None] | None = None
        self.idle = 0.0

    def keep(self, messages: Sequence[Message], limits: Limits, oldest: float) -> None:
        self.kept.extend(messages)
        self.bytes += _weigh(messages)
        self.drop(len(self.kept) - limits.logMessages)
        while self.kept and (self.bytes > limits.logBytes or self.kept[0].at < oldest):
            self.drop(1)

    def drop(self, count: int) -> None:
        self.bytes -= _weigh([self.kept.popleft() for _ in range(count)])


def _weigh(messages: Sequence[Message]) -> int:
    texts = "".join([message.text for message in messages])
    if texts.isascii():  # then each is as long as it is large, and need not be asked
        return len(texts) + (MESSAGE_BYTES + _EMPTY_TEXT) * len(messages)
    return sum([getsizeof(message.text) for message in messages]) + MESSAGE_BYTES * len(messages)


class Size(NamedTuple):
    """
    What a log keeps.

    @ivar bytes: the memory of it, about
    """

    rooms: int
    messages: int
    bytes: int


@implementer(IMessageLog)
class MemoryLog:
    """
    Keeps each room's last messages, bounded by count, bytes and age. When all rooms together weigh
    too much, the rooms that were left first are forgotten first; one that comes back begins a new
    epoch. Then the oldest messages of the rooms that are followed go.
    """

    def __init__(self, clock: IReactorTime, limits: Limits = DEFAULTS) -> None:
        self._clock = chatClock(clock)
        self._limits = limits
        self._age = limits.logAge * 1000
        self._followed: dict[str, _RoomLog] = {}
        self._idle: OrderedDict[str, _RoomLog] = OrderedDict()
        self._bytes = 0
        self._secret = secrets.token_bytes(16)
        self._forgotten = 0

    def _epochOf(self, room: str) -> str:
        """
        @return: what nobody can guess. It is the same again for a room in which nothing was said:
            who was there has missed nothing of it
        """
        life = f"{self._forgotten} {room}".encode()
        return blake2b(life, digest_size=8, key=self._secret).hexdigest()

    def follow(self, room: str, deliver: Callable[[Sequence[Message]], None]) -> Deferred[Position]:
        self._expire()
        log = self._idle.pop(room, None)
        if log is None:
            log = _RoomLog(self._epochOf(room))
            self._bytes += log.bytes
        log.deliver = deliver
        self._followed[room] = log
        return succeed(Position(log.epoch, log.seq))

    def append(self, room: str, batch: Sequence[Draft]) -> Deferred[range]:
        log = self._followed[room]
        first = log.seq + 1
        at = self._now()
        messages = [
            Message(draft.room, seq, draft.sender, draft.text, at)
            for seq, draft in enumerate(batch, first)
        ]
        log.seq += len(messages)
        self._keep(log, messages, at)
        if log.deliver is not None:
            log.deliver(messages)
        return succeed(range(first, log.seq + 1))

    def read(self, room: str, after: int, limit: int) -> Deferred[Sequence[Message]]:
        self._expire()
        log = self._followed.get(room) or self._idle.get(room)
        if log is None:
            return succeed([])
        self._keep(log, [], self._now())
        start = max(0, after + 1 - log.kept[0].seq) if log.kept else 0
        return succeed(list(islice(log.kept, start, start + limit)))

    def unfollow(self, room: str) -> None:
        log = self._followed.pop(room)
        log.deliver = None
        if not log.kept:
            self._forget(log)
            return
        log.idle = self._clock.now()
        self._idle[room] = log
        self._expire()

    def size(self) -> Size:
        """
        @return: what is kept
        """
        logs = [*self._followed.values(), *self._idle.values()]
        return Size(len(logs), sum([len(log.kept) for log in logs]), self._bytes)

    def _now(self) -> int:
        return int(self._clock.now() * 1000)

    def _keep(self, log: _RoomLog, messages: Sequence[Message], now: int) -> None:
        before = log.bytes
        log.keep(messages, self._limits, now - self._age)
        self._bytes += log.bytes - before
        if self._bytes > self._limits.logTotal:
            self._expire()
            while log.kept and self._bytes > self._limits.logTotal:
                self._bytes -= log.bytes
                log.drop(1)
                self._bytes += log.bytes

    def _expire(self) -> None:
        """
        Forget the rooms that have been empty for too long, or that there is no place for.
        """
        oldest = self._clock.now() - self._limits.logAge
        while self._idle:
            log = next(iter(self._idle.values()))
            if log.idle >= oldest and self._bytes <= self._limits.logTotal:
                return
            self._idle.popitem(last=False)
            self._forget(log)

    def _forget(self, log: _RoomLog) -> None:
        self._bytes -= log.bytes
        self._forgotten += log.seq > 0
