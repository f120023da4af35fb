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
from machat.store.shares import waterline

#: What an empty log of a room and a kept message weigh without their strings, and a message that is
#: not in ASCII besides: on CPython 3.11, and not less.
ROOM_BYTES = 1_600
MESSAGE_BYTES = 144
NOTE_BYTES = 144

#: The part of the total that is freed at once when there is too much: so that it is not too much
#: again with the next message.
RELIEF = 64

_PLAIN_BYTES = MESSAGE_BYTES + 2 * getsizeof("")


def weigh(text: str) -> int:
    """
    @return: the memory of a string, with its UTF-8, which CPython keeps once it has been encoded:
        before that, C{getsizeof} does not tell
    """
    return getsizeof(text) + (0 if text.isascii() else len(text.encode("utf-8", "replace")))


class _Share:
    """
    @ivar payer: who holds the memory of some rooms' logs
    @ivar bytes: how much
    @ivar rooms: of how many rooms
    """

    __slots__ = ("payer", "bytes", "rooms")

    def __init__(self, payer: str | None) -> None:
        self.payer = payer
        self.bytes = self.rooms = 0


class _RoomLog:
    """
    One room's messages, newest last. Their numbers have no gaps, so a place in the log is found by
    arithmetic.

    @ivar bytes: the memory that it holds
    @ivar share: of whose memory that is a part
    @ivar spelling: the room's name as the last message has it
    """

    __slots__ = (
        "epoch",
        "seq",
        "kept",
        "bytes",
        "share",
        "deliver",
        "idle",
        "_least",
        "spelling",
        "_weights",
    )

    def __init__(self, room: str, epoch: str, share: _Share) -> None:
        self.epoch = epoch
        self.seq = 0
        self.kept: deque[Message] = deque()
        self.share = share
        self.deliver: Callable[[Sequence[Message]], None] | None = None
        self.idle = 0.0
        self.spelling = ""
        self._least = ROOM_BYTES + weigh(room)
        self._weights: dict[int, int] = {}
        self.bytes = self._least

    @property
    def spare(self) -> int:
        """
        What it can give up.
        """
        return self.bytes - self._least

    def spell(self, name: str) -> str:
        """
        @param name: the room's, as it is written at the moment
        @return: the same, as one object for all messages; another spelling weighs until the log is
            empty
        """
        if name != self.spelling:
            self.spelling = name
            self.bytes += weigh(name)
        return self.spelling

    def keep(self, messages: Sequence[Message], limits: Limits, oldest: float) -> None:
        self.kept.extend(messages)
        plain = _weighPlain(messages)
        self.bytes += self._note(messages) if plain is None else plain
        self.drop(len(self.kept) - limits.logMessages)
        while self.kept and (self.bytes > limits.logBytes or self.kept[0].at < oldest):
            self.drop(1)

    def shorten(self, spare: int) -> None:
        """
        Drop the oldest messages until this much is left that could be given up.
        """
        while self.kept and self.spare > spare:
            self.drop(1)

    def drop(self, count: int) -> None:
        if count <= 0:
            return
        messages = [self.kept.popleft() for _ in range(count)]
        if self._weights:
            self.bytes -= self._forget(messages)
        else:
            strings = sum([len(message.text) + len(message.sender) for message in messages])
            self.bytes -= strings + _PLAIN_BYTES * count
        if not self.kept:
            self.bytes = self._least
            self.spelling = ""

    def _note(self, messages: Sequence[Message]) -> int:
        """
        Some of these are not in ASCII. What such a message weighs is noted, because it cannot be
        found out again.

        @return: what they weigh together
        """
        for message in messages:
            if not (message.text.isascii() and message.sender.isascii()):
                strings = weigh(message.text) + weigh(message.sender)
                self._weights[message.seq] = MESSAGE_BYTES + NOTE_BYTES + strings
        return self._weight(messages)

    def _weight(self, messages: Sequence[Message]) -> int:
        return sum(
            [
                self._weights.get(message.seq)
                or _PLAIN_BYTES + len(message.text) + len(message.sender)
                for message in messages
            ]
        )

    def _forget(self, messages: Sequence[Message]) -> int:
        weight = self._weight(messages)
        for message in messages:
            self._weights.pop(message.seq, None)
        return weight


def _weighPlain(messages: Sequence[Message]) -> int | None:
    """
    @return: what messages weigh if all of them are in ASCII: each string is as long as it is large
    """
    strings = [message.text for message in messages]
    strings += [message.sender for message in messages]
    together = "".join(strings)
    return len(together) + _PLAIN_BYTES * len(messages) if together.isascii() else None


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
    Keeps each room's last messages, bounded by count, bytes and age.

    When all rooms together weigh too much, a part of the total is freed. Those who hold the
    most memory give it up, down to a level at which they hold as much as each other: nobody who
    holds less loses anything. A room is held by the network for whose member it was opened first.
    Of a network, the rooms in which nobody is go first, in the order in which they were left; then
    the oldest messages of its largest rooms. A room that is forgotten begins a new epoch.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits = DEFAULTS,
        payerOf: Callable[[str], str | None] = lambda room: None,
    ) -> None:
        """
        @param payerOf: tells, by its key, for which network a room is opened, which then holds its
            memory; C{None} is one as well
        """
        self._clock = chatClock(clock)
        self._limits = limits
        self._payerOf = payerOf
        self._age = limits.logAge * 1000
        self._followed: dict[str, _RoomLog] = {}
        self._idle: OrderedDict[str, _RoomLog] = OrderedDict()
        self._bytes = 0
        self._shares: dict[str | None, _Share] = {}
        self._least = 0
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
            log = self._begin(room)
        log.deliver = deliver
        self._followed[room] = log
        if self._bytes > self._limits.logTotal:
            self._relieve()
        return succeed(Position(log.epoch, log.seq))

    def _begin(self, room: str) -> _RoomLog:
        payer = self._payerOf(room)
        share = self._shares.get(payer)
        if share is None:
            share = self._shares[payer] = _Share(payer)
        share.rooms += 1
        log = _RoomLog(room, self._epochOf(room), share)
        self._charge(log, log.bytes)
        return log

    def append(self, room: str, batch: Sequence[Draft]) -> Deferred[range]:
        log = self._followed[room]
        first = log.seq + 1
        at = self._now()
        before = log.bytes
        name = batch[0].room if batch else log.spelling
        if name is not log.spelling:
            name = log.spell(name)
        messages = [
            Message(name, seq, draft.sender, draft.text, at)
            for seq, draft in enumerate(batch, first)
        ]
        log.seq += len(messages)
        log.keep(messages, self._limits, at - self._age)
        more = log.bytes - before
        self._bytes += more
        log.share.bytes += more
        if self._bytes > self._limits.logTotal:
            self._relieve()
        if log.deliver is not None:
            log.deliver(messages)
        return succeed(range(first, log.seq + 1))

    def read(self, room: str, after: int, limit: int) -> Deferred[Sequence[Message]]:
        self._expire()
        log = self._followed.get(room) or self._idle.get(room)
        if log is None:
            return succeed([])
        before = log.bytes
        log.keep((), self._limits, self._now() - self._age)
        self._charge(log, log.bytes - before)
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

    def _charge(self, log: _RoomLog, more: int) -> None:
        """
        A log holds more, or less.
        """
        self._bytes += more
        log.share.bytes += more

    def _expire(self) -> None:
        """
        Forget the rooms that have been empty for too long.
        """
        oldest = self._clock.now() - self._limits.logAge
        while self._idle:
            room, log = next(iter(self._idle.items()))
            if log.idle >= oldest:
                return
            self._forgetIdle(room, log)

    def _forgetIdle(self, room: str, log: _RoomLog) -> None:
        del self._idle[room]
        self._forget(log)

    def _forget(self, log: _RoomLog) -> None:
        self._charge(log, -log.bytes)
        self._least = min(self._least, self._bytes)
        self._forgotten += log.seq > 0
        log.share.rooms -= 1
        if not log.share.rooms:
            del self._shares[log.share.payer]

    def _relieve(self) -> None:
        """
        There is too much: free a part of the total, see L{MemoryLog}. What members are in cannot be
        forgotten; if that alone is too much, try again when it is another part more.
        """
        total = self._limits.logTotal
        part = total // RELIEF
        if self._bytes <= self._least + part:
            return
        self._expire()
        if self._bytes > total:
            shares = self._shares.values()
            level = waterline([share.bytes for share in shares], self._bytes - total + part)
            over = {share: share.bytes - level for share in shares if share.bytes > level}
            self._forgetRooms(over)
            self._shortenRooms(over)
        self._least = self._bytes

    def _forgetRooms(self, over: dict[_Share, int]) -> None:
        """
        @param over: who holds how much too much; when this returns, what is left of that
        """
        found = []
        holding = len(over)
        for room, log in self._idle.items():
            if over.get(log.share, 0) > 0:
                found.append((room, log))
                over[log.share] -= log.bytes
                holding -= over[log.share] <= 0
                if not holding:
                    break
        for room, log in found:
            self._forgetIdle(room, log)

    def _shortenRooms(self, over: dict[_Share, int]) -> None:
        """
        Drop the oldest messages of the largest rooms of each who holds too much.
        """
        rooms: dict[_Share, list[_RoomLog]] = {}
        for log in self._followed.values():
            if over.get(log.share, 0) > 0:
                rooms.setdefault(log.share, []).append(log)
        for share, logs in rooms.items():
            level = waterline([log.spare for log in logs], over[share])
            for log in logs:
                before = log.bytes
                log.shorten(level)
                self._charge(log, log.bytes - before)
