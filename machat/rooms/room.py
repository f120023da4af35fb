"""
One room: its members by dialect, the messages of this turn, and the delivery of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from machat import names
from machat.events import Draft, Event, Message, Position, Receipt
from machat.interfaces import IChatMember
from machat.metrics import Metrics
from machat.rooms.presence import Attendance
from machat.rooms.sequencer import Sequencer
from machat.wire import IDialect

Group = dict[IChatMember, Callable[[Any], None]]
Takers = list[tuple[IChatMember, Callable[[Any], None]]]

#: The number of batches that a log may be storing at once before the senders have to wait.
BEHIND = 32

#: The pending receipts of a batch: the index of each message in the batch, and the Deferred to fire
#: with its receipt.
Expected = list[tuple[int, Deferred[Receipt]]]


class Room:
    """
    The members of a room, and the messages that wait for the end of the turn. A room does not know
    transports or bytes: dialects encode, and members receive.

    @ivar name: the name as the first member wrote it
    @ivar key: the key of the name, see L{machat.names.key}
    @ivar members: the members in the order of their joins, each with its name in this room. Change
        it only with L{add} and L{remove}
    @ivar pending: the batch of this turn
    @ivar expected: the pending receipts of the messages in C{pending}. The flush replaces both
        lists with new ones, so a batch does not change while it is delivered
    @ivar late: the Deferreds to fire when the log is no longer L{BEHIND}
    @ivar position: the last position in the log that was delivered; C{None} until the log is
        followed
    @ivar opening: the joins that wait for the log, while it is being opened
    @ivar network: the network of the member for whom the log was opened; C{None}: this machine
    @ivar holds: the number of operations in progress, such as joins. The room exists until they end
    @ivar appending: the number of batches that the log is storing. The room also exists until they
        are stored
    @ivar attendance: reports joins and leaves, while a member watches them
    @ivar topic: the topic, if there is one
    @ivar locked: whether new members are refused
    @ivar muted: whether some member may be muted, so that the policy has to be asked
    @ivar sequencer: keeps the order of messages while a hook decides; created when it is first
        needed
    """

    __slots__ = (
        "name",
        "key",
        "position",
        "opening",
        "holds",
        "attendance",
        "network",
        "sequencer",
        "topic",
        "locked",
        "muted",
        "_metrics",
        "_groups",
        "members",
        "_present",
        "_watchers",
        "_leavers",
        "appending",
        "pending",
        "expected",
        "late",
    )
    _log = Logger()

    def __init__(self, name: str, metrics: Metrics) -> None:
        """
        @param metrics: counts the deliveries
        """
        self.name = name
        self.key = names.key(name)
        self.position: Position | None = None
        self.opening: list[Deferred[None]] | None = None
        self.network: str | None = None
        self.holds = 0
        self.attendance: Attendance | None = None
        self.sequencer: Sequencer | None = None
        self.topic: str | None = None
        self.locked = False
        self.muted = False
        self._metrics = metrics
        self.members: dict[IChatMember, str] = {}
        self._groups: dict[IDialect, Group] = {}
        self._present: dict[str, tuple[IChatMember, ...]] = {}
        self._watchers: dict[IChatMember, None] | None = None
        self._leavers: list[set[IChatMember]] = []
        self.appending = 0
        self.pending: list[Draft] = []
        self.expected: Expected = []
        self.late: list[Deferred[None]] = []

    def __contains__(self, member: object) -> bool:
        return member in self.members

    def __len__(self) -> int:
        return len(self.members)

    @property
    def present(self) -> int:
        """
        The number of names in the room. A name with several connections counts once.
        """
        return len(self._present)

    def has(self, name: str) -> bool:
        """
        @return: whether a member has this name
        """
        return names.key(name) in self._present

    @property
    def deserted(self) -> bool:
        """
        Whether the room has no members, no message waits, and no operation is in progress.
        """
        return not (self.members or self.pending or self.holds or self.appending)

    def follows(self, position: Position) -> None:
        """
        Begin at this position: the log is open.
        """
        self.position = position

    def add(self, member: IChatMember, name: str) -> None:
        """
        Add a member.

        @param name: the member's name in this room
        """
        dialect, deliver = member.dialect, member.deliver
        key = names.key(name)
        self.members[member] = name
        self._present[key] = (*self._present.get(key, ()), member)
        self._groups.setdefault(dialect, {})[member] = deliver

    def watch(self, member: IChatMember) -> None:
        """
        Deliver the events of L{announce} to this member too.
        """
        if self._watchers is None:
            self._watchers = {}
        self._watchers[member] = None

    def remove(self, member: IChatMember) -> str:
        """
        Remove a member.

        @return: the name that it had in this room
        """
        group = self._groups[member.dialect]
        del group[member]
        if not group:
            del self._groups[member.dialect]
        if self._watchers is not None:
            self._watchers.pop(member, None)
            if not self._watchers:
                self._watchers = None
        for leavers in self._leavers:
            leavers.add(member)
        name = self.members.pop(member)
        key = names.key(name)
        others = tuple([each for each in self._present.pop(key) if each is not member])
        if others:
            self._present[key] = others
        return name

    @property
    def watched(self) -> bool:
        """
        Whether any member watches the room.
        """
        return self._watchers is not None

    def named(self, name: str) -> list[IChatMember]:
        """
        @return: the members with this name, in any spelling
        """
        return list(self._present.get(names.key(name), ()))

    def silent(self, name: str) -> bool:
        """
        @return: whether all members with this name are connections whose clients may have vanished
        """
        named = self.named(name)
        return bool(named) and all([each.silent for each in named])

    def waitForLog(self) -> Deferred[None] | None:
        """
        @return: C{None}; or, if the log is L{BEHIND}, a C{Deferred} that fires when it has caught
            up
        """
        if self.appending < BEHIND:
            return None
        waiting: Deferred[None] = Deferred()
        self.late.append(waiting)
        return waiting

    def caughtUp(self) -> None:
        """
        Let senders continue if the log is no longer L{BEHIND}.
        """
        if self.appending < BEHIND:
            late, self.late = self.late, []
            for waiting in late:
                waiting.callback(None)

    def deliver(self, messages: Sequence[Message]) -> None:
        """
        Deliver a numbered batch to every member: encoded once per dialect, one call per member.
        """
        assert self.position is not None, "the log delivers only after it is followed"
        self.position = Position(self.position.epoch, messages[-1].seq)
        self._metrics.deliveries += len(messages) * len(self.members)
        groups = []
        for dialect, group in self._groups.items():
            groups.append((dialect.encode, list(group.items())))
        self._spread(messages, groups)
        self._metrics.batches.observe(len(messages))

    def announce(self, event: Event) -> None:
        """
        Deliver an event to the members that L{watch}, encoded once per dialect.
        """
        watchers = self._watchers or {}
        self._spread(
            event,
            [
                (dialect.encodeEvent, [taker for taker in group.items() if taker[0] in watchers])
                for dialect, group in self._groups.items()
            ],
        )

    def _spread(self, said: object, groups: Sequence[tuple[Callable[[Any], Any], Takers]]) -> None:
        """
        Deliver something to the current members. A member's C{deliver} may make others leave. Those
        receive nothing more from this delivery, even if they rejoin at once, because a member that
        rejoins starts after it.
        """
        leavers: set[IChatMember] = set()
        self._leavers.append(leavers)
        try:
            for encode, takers in groups:
                try:
                    encoded = encode(said)
                except Exception:  # an application's dialect: the other dialects are not affected
                    self._log.failure("a dialect raised an exception in {room}", room=self.name)
                    continue
                if encoded is None:
                    continue
                for member, deliver in takers:
                    if member not in leavers:
                        try:
                            deliver(encoded)
                        except Exception:
                            self._log.failure(
                                "deliver() of a member of {room} raised an exception",
                                room=self.name,
                            )
        finally:
            self._leavers.pop()
