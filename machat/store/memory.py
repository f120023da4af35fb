"""
The log of each room, in memory: it numbers, stores and delivers messages.
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

#: The memory of a room's empty log; of a stored message without its strings; and the additional
#: memory for a message that is not ASCII. Measured on CPython 3.11 and rounded up.
ROOM_BYTES = 1_600
MESSAGE_BYTES = 144
NOTE_BYTES = 144

#: The part of the total that is freed at once when the total is exceeded, so that the next message
#: does not exceed it again.
RELIEF = 64

_PLAIN_BYTES = MESSAGE_BYTES + 2 * getsizeof("")


def weigh(text: str) -> int:
    """
    @return: the memory of a string and of its UTF-8 form, which CPython keeps after the string has
        been encoded. C{getsizeof} does not include it before that
    """
    return getsizeof(text) + (0 if text.isascii() else len(text.encode("utf-8", "replace")))


class _Share:
    """
    The memory that one network uses.

    @ivar payer: the network
    @ivar bytes: the memory of its rooms' logs
    @ivar rooms: the number of its rooms
    """

    __slots__ = ("payer", "bytes", "rooms")

    def __init__(self, payer: str | None) -> None:
        self.payer = payer
        self.bytes = self.rooms = 0


class _RoomLog:
    """
    One room's messages, newest last. Their numbers are consecutive, so the position of a message is
    calculated.

    @ivar bytes: the memory that the log uses
    @ivar share: the share to which that memory belongs
    @ivar spelling: the room's name as the last message spells it
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
        The memory that can be freed.
        """
        return self.bytes - self._least

    def spell(self, name: str) -> str:
        """
        @param name: the room's name in its current spelling
        @return: an equal string, which all messages share. The memory of each new spelling counts
            until the log is empty
        """
        if name != self.spelling:
            self.spelling = name
            self.bytes += weigh(name)
        return self.spelling

    def keep(
        self, messages: Sequence[Message], strings: str, limits: Limits, oldest: float
    ) -> None:
        """
        Add messages, and drop those that exceed the limits.

        @param strings: the texts and senders of the messages, joined
        @param oldest: the age limit, as a value of C{Message.at}
        """
        self.kept.extend(messages)
        if strings.isascii():  # one byte per character
            self.bytes += len(strings) + _PLAIN_BYTES * len(messages)
        else:
            self.bytes += self._note(messages)
        if len(self.kept) > limits.logMessages:
            self.drop(len(self.kept) - limits.logMessages)
        while self.kept and (self.bytes > limits.logBytes or self.kept[0].at < oldest):
            self.drop(1)

    def shorten(self, spare: int) -> None:
        """
        Drop the oldest messages until at most this much memory is left that could be freed.
        """
        while self.kept and self.spare > spare:
            self.drop(1)

    def drop(self, count: int) -> None:
        """
        Drop the oldest messages.
        """
        if self._weights:
            self.bytes -= self._forget([self.kept.popleft() for _ in range(count)])
        else:
            size = _PLAIN_BYTES * count
            for _ in range(count):
                message = self.kept.popleft()
                size += len(message.text) + len(message.sender)
            self.bytes -= size
        if not self.kept:
            self.bytes = self._least
            self.spelling = ""

    def _note(self, messages: Sequence[Message]) -> int:
        """
        Record the memory of the messages that are not ASCII, because it cannot be determined later.

        @return: the memory of all the messages
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


class Size(NamedTuple):
    """
    The size of a log.

    @ivar bytes: its approximate memory
    """

    rooms: int
    messages: int
    bytes: int


@implementer(IMessageLog)
class MemoryLog:
    """
    Keeps each room's last messages, limited by count, bytes and age.

    When all rooms together exceed the total, a part of it is freed. The networks that use the most
    memory lose it, down to a common level. Networks that use less lose nothing. A room belongs to
    the network of the member for whom it was first opened. Within a network, its empty rooms are
    forgotten first, in the order in which their last members left. Then the oldest messages of its
    largest rooms are dropped. A forgotten room begins a new epoch.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits = DEFAULTS,
        payerOf: Callable[[str], str | None] = lambda room: None,
    ) -> None:
        """
        @param payerOf: returns the network to which a room belongs, by the room's key. C{None}
            counts as a network too
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
        @return: an unguessable string. A room that was forgotten without any messages may get the
            same string again, since its earlier members have missed nothing
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
        at = int(self._clock.now() * 1000)
        before = log.bytes
        name = batch[0].room if batch else log.spelling
        if name is not log.spelling:
            name = log.spell(name)
        messages: list[Message] = []
        strings: list[str] = []
        for seq, draft in enumerate(batch, first):
            messages.append(Message(name, seq, draft.sender, draft.text, at))
            strings += (draft.text, draft.sender)
        log.seq += len(messages)
        log.keep(messages, "".join(strings), self._limits, at - self._age)
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
        log.keep((), "", self._limits, int(self._clock.now() * 1000) - self._age)
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
        @return: the size of all logs
        """
        logs = [*self._followed.values(), *self._idle.values()]
        return Size(len(logs), sum([len(log.kept) for log in logs]), self._bytes)

    def _charge(self, log: _RoomLog, more: int) -> None:
        """
        Record that the memory of a log has grown or, if the number is negative, shrunk.
        """
        self._bytes += more
        log.share.bytes += more

    def _expire(self) -> None:
        """
        Forget the rooms that have been empty for longer than the age limit.
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
        Free a part of the total, see L{MemoryLog}. Rooms with members cannot be forgotten. If they
        alone exceed the total, this tries again only after the memory has grown by another part.
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
        @param over: the excess of each share. It is reduced by the memory that is freed
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
        Drop the oldest messages of the largest rooms of each share with an excess.
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
