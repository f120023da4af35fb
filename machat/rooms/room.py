"""
One room: its members by dialect, what was said this turn, and the way of a batch to everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from machat import names
from machat.events import Draft, Event, Message, Position
from machat.interfaces import IChatMember
from machat.metrics import Metrics
from machat.rooms.presence import Attendance
from machat.rooms.sequencer import Sequencer
from machat.wire import IDialect

Group = dict[IChatMember, Callable[[Any], None]]
Takers = list[tuple[IChatMember, Callable[[Any], None]]]

#: Batches that a log may have under way before those who speak wait for it.
BEHIND = 32

#: Who waits for the number of which message of a batch.
Expected = list[tuple[int, Deferred[int]]]


class Room:
    """
    Members, and the messages that wait for the end of the turn. A room knows no transport and no
    wire: a dialect encodes, a member takes.

    @ivar name: as the first member wrote it
    @ivar key: what the name is compared by
    @ivar position: the last place in the log that was delivered; C{None} until the log is followed
    @ivar opening: those who wait for the log to be followed, while it is being opened
    @ivar network: that of the member for whom the log was opened; C{None}: this machine
    @ivar holds: the joins and appends under way, each of which keeps the room in being
    @ivar appending: the batches that the log has not taken yet
    @ivar attendance: who came and went, while anybody watches it
    @ivar topic: what the room is about, if anybody has said so
    @ivar locked: whether nobody is let in
    @ivar muted: whether somebody may not speak here, so that it has to be asked who
    @ivar sequencer: what is said where somebody has to be asked first, once anybody was
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
        "_members",
        "_present",
        "_watchers",
        "_leavers",
        "appending",
        "_pending",
        "_expected",
        "_late",
    )
    _log = Logger()

    def __init__(self, name: str, metrics: Metrics) -> None:
        """
        @param metrics: counts what is delivered
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
        self._members: dict[IChatMember, str] = {}
        self._groups: dict[IDialect, Group] = {}
        self._present: dict[str, tuple[IChatMember, ...]] = {}
        self._watchers: dict[IChatMember, None] | None = None
        self._leavers: list[set[IChatMember]] = []
        self.appending = 0
        self._pending: list[Draft] = []
        self._expected: Expected = []
        self._late: list[Deferred[None]] = []

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __len__(self) -> int:
        return len(self._members)

    @property
    def present(self) -> int:
        """
        How many are here, each once however many connections they have.
        """
        return len(self._present)

    def has(self, name: str) -> bool:
        """
        @return: whether anybody of this name is here
        """
        return names.key(name) in self._present

    @property
    def deserted(self) -> bool:
        """
        Whether nobody is here or coming, and nothing that was said still waits.
        """
        return not (self._members or self._pending or self.holds)

    def follows(self, position: Position) -> None:
        """
        The log is open: the room begins at this position.
        """
        self.position = position

    def add(self, member: IChatMember, name: str) -> None:
        """
        @param name: the name under which the member speaks here
        """
        dialect, deliver = member.dialect, member.deliver
        key = names.key(name)
        self._members[member] = name
        self._present[key] = (*self._present.get(key, ()), member)
        self._groups.setdefault(dialect, {})[member] = deliver

    def watch(self, member: IChatMember) -> None:
        """
        Tell a member who is here of what L{announce} is called with.
        """
        if self._watchers is None:
            self._watchers = {}
        self._watchers[member] = None

    def remove(self, member: IChatMember) -> str:
        """
        @return: the name that the member had here
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
        name = self._members.pop(member)
        key = names.key(name)
        others = tuple([each for each in self._present.pop(key) if each is not member])
        if others:
            self._present[key] = others
        return name

    @property
    def watched(self) -> bool:
        """
        Whether anybody is told of what is announced.
        """
        return self._watchers is not None

    def members(self) -> list[IChatMember]:
        """
        @return: those who are here, in the order of their coming
        """
        return list(self._members)

    def names(self) -> list[str]:
        """
        @return: their names here
        """
        return list(self._members.values())

    def nameOf(self, member: IChatMember) -> str:
        """
        @return: the name of a member who is here
        """
        return self._members[member]

    def named(self, name: str) -> list[IChatMember]:
        """
        @return: those who are here under this name, however it is written
        """
        return list(self._present.get(names.key(name), ()))

    def silent(self, name: str) -> bool:
        """
        @return: whether those who are here under this name are connections whose clients may have
            vanished
        """
        named = self.named(name)
        return bool(named) and all([each.silent for each in named])

    def draft(self, member: IChatMember, text: str) -> Draft:
        """
        @return: a message of this member, who is here
        """
        return Draft(self.name, self._members[member], text)

    def say(self, member: IChatMember, text: str) -> bool:
        """
        Add a message of a member who is here to the batch of this turn.

        @return: whether it is the first of the batch
        """
        pending = self._pending
        pending.append(Draft(self.name, self._members[member], text))
        return len(pending) == 1

    def put(self, draft: Draft, kept: Deferred[int] | None = None) -> bool:
        """
        Add a message that was made before.

        @param kept: to fire with the message's number
        @return: whether it is the first of the batch
        """
        self._pending.append(draft)
        if kept is not None:
            self._expected.append((len(self._pending) - 1, kept))
        return len(self._pending) == 1

    def takePending(self) -> tuple[list[Draft], Expected]:
        """
        @return: the batch of this turn, and who expects the numbers of which of its messages; the
            next one begins, with lists of its own: it may fill while this one is delivered
        """
        batch, self._pending = self._pending, []
        expected, self._expected = self._expected, []
        return batch, expected

    def caughtUp(self) -> Deferred[None] | None:
        """
        @return: C{None}, or while the log is L{BEHIND}, what fires when it is not
        """
        if self.appending < BEHIND:
            return None
        waiting: Deferred[None] = Deferred()
        self._late.append(waiting)
        return waiting

    def appended(self) -> None:
        """
        The log has taken a batch, or has failed to.
        """
        self.appending -= 1
        if self._late and self.appending < BEHIND:
            late, self._late = self._late, []
            for waiting in late:
                waiting.callback(None)

    def deliver(self, messages: Sequence[Message]) -> None:
        """
        Hand a numbered batch to every member: encoded once a dialect, one call a member.
        """
        assert self.position is not None, "the log delivers to those who follow it"
        self.position = Position(self.position.epoch, messages[-1].seq)
        self._metrics.batches.observe(len(messages))
        self._metrics.deliveries += len(messages) * len(self._members)
        self._spread(
            messages,
            [(dialect.encode, list(group.items())) for dialect, group in self._groups.items()],
        )

    def announce(self, event: Event) -> None:
        """
        Hand an event to those who L{watch}, encoded once a dialect.
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
        Hand something to all who are here now. A member may make another leave meanwhile: that one
        gets nothing more, not even if it has come back, since it then begins after this.
        """
        leavers: set[IChatMember] = set()
        self._leavers.append(leavers)
        try:
            for encode, takers in groups:
                encoded = self._encoded(encode, said)
                if encoded is not None:
                    self._hand(encoded, takers, leavers)
        finally:
            self._leavers.pop()

    def _encoded(self, encode: Callable[[Any], Any], said: object) -> Any:
        try:
            return encode(said)
        except Exception:  # a dialect of somebody's own: the others hear it all the same
            self._log.failure("a dialect failed in {room}", room=self.name)
            return None

    def _hand(self, encoded: object, takers: Takers, leavers: set[IChatMember]) -> None:
        for member, deliver in takers:
            if member not in leavers:
                try:
                    deliver(encoded)
                except Exception:
                    self._log.failure("a member of {room} did not take a batch", room=self.name)
