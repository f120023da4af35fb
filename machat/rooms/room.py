"""
One room: its members, and the messages of this turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred
from zope.interface import implementer

from machat import names
from machat.entries import Entry, Message, arePlain
from machat.events import Event, Moved, Position, Typing
from machat.interfaces import IChatMember, IPromptRoom, IRoomObserver, IStoredRoom
from machat.metrics import Metrics
from machat.records import Change, Claim
from machat.rooms.audience import Audience
from machat.rooms.batch import Batch
from machat.rooms.keeper import Keeper
from machat.rooms.occupants import Occupants
from machat.rooms.presence import Attendance
from machat.rooms.sequencer import Sequencer

if TYPE_CHECKING:
    from machat.rooms.direct import Direct


@implementer(IRoomObserver)
class Room:
    """
    The members of a room, and the messages that wait for the end of the turn. A room does not know
    transports or bytes: dialects encode, and members receive.

    @ivar name: the name as the first member wrote it
    @ivar key: the key of the name, see L{machat.names.key}
    @ivar members: the members in the order of their joins, each with its name in this room. Change
        it only with L{add} and L{remove}
    @ivar occupants: the names in the room, also those that other processes have claimed
    @ivar listeners: receive what the members receive, but have no name in the room and are not
        counted. Change it only with L{listen} and L{unlisten}
    @ivar batch: the messages of this turn, and those that have waited for the store; C{None}: none
    @ivar storing: the batch that the store is storing. The room is kept until it is stored
    @ivar doubtful: the changes of earlier batches of which it is not known whether they are stored
    @ivar revised: the number of the last entry that was not a message; 0, if none was delivered
    @ivar typists: when the names were last reported as typing, see L{machat.rooms.typing}
    @ivar stored: the room in the store; C{None} until it is open
    @ivar prompt: the same, if the store stores at once; else C{None}
    @ivar epoch: the epoch of the last message that was delivered; C{None} until the room is open
    @ivar seq: its number
    @ivar opening: the operations that wait for the store, while it opens the room
    @ivar holds: the number of operations in progress, such as joins. The room exists until they end
    @ivar attendance: reports joins and leaves, while a member watches them
    @ivar topic: the topic, if there is one
    @ivar locked: whether new members are refused
    @ivar listed: whether it is in the list of rooms; C{None} if no moderator has decided
    @ivar password: a hash of the key that new members need; C{None} if there is none
    @ivar direct: the two users of a direct conversation, while it is open; C{None} for other rooms
    @ivar founder: the member that has created the room; C{None} if it has left
    @ivar muted: whether some member may be muted, so that the policy has to be asked
    @ivar sequencer: keeps the order of messages while a hook decides; created when it is first
        needed
    """

    __slots__ = (
        "name",
        "key",
        "epoch",
        "seq",
        "stored",
        "prompt",
        "opening",
        "holds",
        "attendance",
        "sequencer",
        "topic",
        "locked",
        "listed",
        "password",
        "direct",
        "founder",
        "muted",
        "batch",
        "storing",
        "doubtful",
        "revised",
        "typists",
        "members",
        "occupants",
        "listeners",
        "_metrics",
        "_keeper",
        "_audience",
        "_watchers",
    )

    def __init__(self, name: str, metrics: Metrics, keeper: Keeper) -> None:
        """
        @param metrics: counts the deliveries
        """
        self.name = name
        self.key = names.key(name)
        self.epoch: str | None = None
        self.seq = 0
        self.stored: IStoredRoom | None = None
        self.prompt: IPromptRoom | None = None
        self.opening: list[Deferred[IStoredRoom]] | None = None
        self.holds = 0
        self.attendance: Attendance | None = None
        self.sequencer: Sequencer | None = None
        self.topic: str | None = None
        self.locked = False
        self.listed: bool | None = None
        self.password: str | None = None
        self.direct: Direct | None = None
        self.founder: IChatMember | None = None
        self.muted = False
        self.batch: Batch | None = None
        self.storing: Batch | None = None
        self.doubtful: Sequence[Change] = ()
        self.revised = 0
        self.typists: dict[str, float] | None = None
        self.members: dict[IChatMember, Claim] = {}
        self.occupants = Occupants()
        self.listeners: dict[IChatMember, None] = {}
        self._metrics = metrics
        self._keeper = keeper
        self._audience = Audience(name, keeper.busy)
        self._watchers: dict[IChatMember, None] | None = None

    def __contains__(self, member: object) -> bool:
        return member in self.members

    def __len__(self) -> int:
        return len(self.members)

    def receives(self, member: IChatMember) -> bool:
        """
        @return: whether it is a member or a listener
        """
        return member in self.members or member in self.listeners

    @property
    def position(self) -> Position | None:
        """
        The last position that was delivered; C{None} until the room is open.
        """
        return None if self.epoch is None else Position(self.epoch, self.seq)

    @property
    def protected(self) -> bool:
        """
        Whether new members need a key.
        """
        return self.password is not None

    @property
    def spellings(self) -> list[str]:
        """
        The names in the room.
        """
        found = {claim.key: claim.name for claim in self.members.values()}
        return list({**(self.occupants.elsewhere or {}), **found}.values())

    @property
    def deserted(self) -> bool:
        """
        Whether the room has no members and no listeners, no message waits, and no operation is in
        progress.
        """
        return not (self.members or self.listeners or self.batch or self.holds or self.storing)

    @property
    def unreported(self) -> list[Change]:
        """
        The changes of this process that the store has not reported yet.
        """
        batches = (self.storing, self.batch)
        return [change for batch in batches if batch is not None for change in batch.changes]

    def opened(self, stored: IStoredRoom) -> None:
        """
        The store has opened the room.
        """
        self.stored = stored
        prompt = IPromptRoom.implementedBy(type(stored))  # a wrapper may pass on C{__provides__}
        self.prompt = cast(IPromptRoom, stored) if prompt else None
        self.name = self._audience.name = stored.name
        self.epoch, self.seq = stored.position.epoch, stored.position.seq

    def add(self, member: IChatMember, claim: Claim) -> bool:
        """
        Add a member.

        @param claim: the claim of its name in this room
        @return: whether the name is new in this room
        """
        self._audience.add(member)
        self.members[member] = claim
        return self.occupants.add(claim.key, member)

    def watch(self, member: IChatMember) -> None:
        """
        Deliver the events of L{announce} to this member too.
        """
        if self._watchers is None:
            self._watchers = {}
        self._watchers[member] = None

    def listen(self, listener: IChatMember) -> None:
        """
        Add a listener.
        """
        self._audience.add(listener)
        self.listeners[listener] = None

    def unlisten(self, listener: IChatMember) -> None:
        """
        Remove a listener.
        """
        del self.listeners[listener]
        self._audience.remove(listener)

    def remove(self, member: IChatMember) -> Claim:
        """
        Remove a member.

        @return: the claim of its name
        """
        self._audience.remove(member)
        if self._watchers is not None:
            self._watchers.pop(member, None)
            if not self._watchers:
                self._watchers = None
        if member is self.founder:
            self.founder = None
        claim = self.members.pop(member)
        self.occupants.remove(claim.key, member)
        return claim

    @property
    def watched(self) -> bool:
        """
        Whether any member watches the room.
        """
        return self._watchers is not None

    def said(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        """
        Deliver a numbered batch to every member, then make changes.
        """
        if messages:
            last, count, metrics = messages[-1], len(messages), self._metrics
            self.seq = last.seq
            metrics.batches[count] += 1
            metrics.deliveries += count * (len(self.members) + len(self.listeners))
            if type(last) is not Message or (count > 1 and not arePlain(messages)):
                self._noteRevisions(messages)
            self._audience.deliver(messages)
            if self._keeper.observes:
                self._keeper.said(messages)
        if changes:
            self._keeper.changed(self, changes)

    def _noteRevisions(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if not isinstance(entry, Message):
                self.revised = entry.seq

    def moved(self, position: Position, complete: bool) -> None:
        """
        Continue in another epoch, and tell all members.
        """
        self.epoch, self.seq = position.epoch, position.seq
        lost = not complete
        event = Moved(room=self.name, epoch=position.epoch, seq=position.seq, lost=lost)
        self._audience.announce(event, {*self.members, *self.listeners})

    def presence(self, joined: Sequence[str], left: Sequence[str]) -> None:
        """
        Note the names of other processes.
        """
        occupants = self.occupants
        elsewhere = occupants.elsewhere = occupants.elsewhere or {}
        for name in joined:
            key = names.key(name)
            if self.attendance is not None and key not in occupants:
                self.attendance.came(name)
            elsewhere[key] = name
        for name in left:
            key = names.key(name)
            elsewhere.pop(key, None)
            if self.attendance is not None and key not in occupants:
                self.attendance.went(name)

    def typing(self, name: str) -> None:
        """
        Tell the members that watch the room that a member of another process is typing.
        """
        if self.watched and names.key(name) in (self.occupants.elsewhere or ()):
            self.announce(Typing(room=self.name, sender=name))

    def lost(self, claim: Claim, reason: str) -> None:
        """
        Remove the member that has lost its name.
        """
        for member, held in list(self.members.items()):
            if held is claim:
                self._keeper.lost(self, member, reason)

    def announce(self, event: Event, apart: IChatMember | None = None) -> None:
        """
        Deliver an event to the members that L{watch}, encoded once per dialect.

        @param apart: a member that does not receive it
        """
        receivers = {each for each in self._watchers or () if each is not apart}
        self._audience.announce(event, receivers)
