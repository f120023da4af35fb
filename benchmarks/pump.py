"""
The loop that receives and sends the members' messages. It is written for speed rather than for
brevity: on two cores, it must not be the bottleneck.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable
from select import EPOLLIN, EPOLLOUT, EPOLLRDHUP, epoll, select
from socket import IPPROTO_TCP, TCP_QUICKACK

from benchmarks.dialects import TextLines
from benchmarks.links import READ, Link, StampedLink

#: With a window, one of this many reads is sampled: the latencies of all its deliveries are
#: recorded. The number is prime, so that all members are sampled. At a fixed rate, every read is.
SAMPLED = 7

_NEVER = -1 << 60


class Room:
    """
    A room, and the messages in flight.

    @ivar talkers: the members that send messages, in turn
    @ivar hearers: the number of members that receive each message
    @ivar due: the number of deliveries that have not arrived yet
    @ivar limit: the room sends another message while C{due} is less than this
    """

    __slots__ = ("due", "hearers", "limit", "sent", "talkers")

    def __init__(self) -> None:
        self.talkers: list[Member] = []
        self.hearers = 0
        self.due = 0
        self.limit = _NEVER
        self.sent = 0


class Member:
    """
    A client in a room.

    @ivar say: encodes a message with a given stamp
    @ivar closedAt: when the server closed the connection, as from C{time.monotonic()}
    """

    __slots__ = ("closedAt", "fd", "link", "receive", "room", "say", "setOption")

    def __init__(self, link: Link, room: Room, say: Callable[[bytes], bytes]) -> None:
        self.link = link
        self.fd = link.sock.fileno()
        self.receive = link.receive
        self.setOption = link.setOption
        self.room = room
        self.say = say
        self.closedAt: float | None = None


class Pump:
    """
    All members that have joined their rooms.

    @ivar delivered: number of messages that all members have read
    @ivar reads: number of reads that contained a message
    @ivar said: number of messages sent
    @ivar closed: number of connections that the server has closed
    @ivar latencies: nanoseconds; recorded while C{measuring}
    """

    def __init__(self, dialect: TextLines, stamped: bool) -> None:
        """
        @param stamped: whether to measure latency with the kernel's receive time, which requires
            that the members have L{StampedLink}s
        """
        self._dialect = dialect
        self._findStamps = dialect.stampFinder()
        self._clock = time.time_ns if stamped else time.monotonic_ns
        self._every = 1 if stamped else SAMPLED
        self._epoll = epoll()
        self._members: dict[int, Member] = {}
        self._buffer = bytearray(READ)
        self._view = memoryview(self._buffer)
        self.reads = 0
        self.delivered = self.said = self.closed = self.bytesRead = 0
        self.measuring = False
        self.latencies = array("q")
        self._stalled: set[int] = set()

    def add(self, member: Member) -> None:
        """
        Start to read the messages for this member.
        """
        self._members[member.fd] = member
        self._epoll.register(member.fd, EPOLLIN)

    def turn(self, timeout: float) -> None:
        """
        Wait up to C{timeout} seconds, and read once from each readable socket. After all reads,
        send the messages for which the windows have space. A message sent between two reads would
        reach the server alone, but the benchmarks measure the server's batching.
        """
        members, buffer, view = self._members, self._buffer, self._view
        mark, question = self._dialect.mark, self._dialect.question
        every, reads = self._every, self.reads
        delivered = size = total = 0
        touched = set()
        for fd, event in self._epoll.poll(timeout, 1024):
            member = members[fd]
            if event != EPOLLIN and not self._ready(member, event):
                continue
            try:
                size = member.receive(view)
            except BlockingIOError:
                continue
            except OSError:
                size = 0
            if not size:
                self._lose(member)
                continue
            member.setOption(IPPROTO_TCP, TCP_QUICKACK, 1)
            total += size
            found = buffer.count(mark, 0, size)
            if found:
                room = member.room
                room.due -= found
                touched.add(room)
                delivered += found
                reads += 1
                if reads % every == 0 and self.measuring:
                    self._measure(member, size)
            if question and buffer.find(question, 0, size) >= 0:
                self._answer(member, size)
        self.reads, self.delivered = reads, self.delivered + delivered
        self.bytesRead += total
        self.refill(touched)

    def rest(self, seconds: float) -> None:
        """
        Same as L{turn}, but wait with a resolution of microseconds. The timeout of epoll has a
        resolution of milliseconds.
        """
        select([self._epoll.fileno()], (), (), max(0.0, seconds))
        self.turn(0)

    def refill(self, rooms: Iterable[Room]) -> None:
        """
        Send the messages for which the windows of these rooms have space.
        """
        for room in rooms:
            while room.due < room.limit:
                self.say(room)

    def say(self, room: Room) -> None:
        """
        Send a message as the next member of a room. If the server has closed the member's
        connection, the room sends no more messages.
        """
        member = room.talkers[room.sent % len(room.talkers)]
        if member.closedAt is not None:
            room.limit = _NEVER
            return
        room.sent += 1
        room.due += room.hearers
        self.said += 1
        self._send(member, member.say(self._dialect.stamp(self._clock())))

    def stall(self, members: Iterable[Member]) -> None:
        """
        Stop reading from these members, but still detect when the server closes them.
        """
        for member in members:
            self._stalled.add(member.fd)
            self._epoll.modify(member.fd, EPOLLRDHUP)

    def _ready(self, member: Member, event: int) -> bool:
        """
        Process an event of a socket.

        @return: whether there is something to read
        """
        if member.fd in self._stalled:
            self._lose(member)
            return False
        if event & EPOLLOUT:
            self._send(member, b"")
        return bool(event & ~EPOLLOUT) and member.closedAt is None

    def _send(self, member: Member, data: bytes) -> None:
        """
        @param data: empty to send only the data that waits
        """
        try:
            done = member.link.send(data) if data else member.link.flush()
        except OSError:
            self._lose(member)
            return
        if not done or not data:
            self._epoll.modify(member.fd, EPOLLIN if done else EPOLLIN | EPOLLOUT)

    def _answer(self, member: Member, size: int) -> None:
        answer = self._dialect.answer(bytes(self._view[:size]))
        if answer:
            self._send(member, answer)

    def _measure(self, member: Member, size: int) -> None:
        """
        Record the latencies of all deliveries in a read, except one whose stamp is incomplete.
        """
        now = self._clock()
        if isinstance(member.link, StampedLink):
            now = member.link.arrived
        self.latencies.extend([now - int(at, 16) for at in self._findStamps(self._buffer, 0, size)])

    def _lose(self, member: Member) -> None:
        if member.closedAt is None:
            member.closedAt = time.monotonic()
            self.closed += 1
            self._epoll.unregister(member.fd)
            del self._members[member.fd]
            member.link.sock.close()
