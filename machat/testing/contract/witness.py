"""
An observer of a room that remembers what a store reports.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from machat.entries import Entry
from machat.events import Position
from machat.interfaces import IRoomObserver, IStoredRoom
from machat.records import Change, Claim


@implementer(IRoomObserver)
class Witness:
    """
    Remembers what a store reports about a room, and checks what must always be true.

    @ivar messages: the messages, in order
    @ivar changes: the changes, in order
    @ivar present: the names that other processes have claimed
    @ivar typists: the names that other processes have reported as typing
    @ivar lostClaims: the claims that have ended, with the reasons
    @ivar moves: the arguments of L{moved}
    @ivar faults: descriptions of reports that the interface forbids
    @ivar closed: set this to C{True} when the room is closed
    @ivar then: called after each L{said}
    """

    def __init__(self) -> None:
        self.room: IStoredRoom | None = None
        self.messages: list[Entry] = []
        self.changes: list[Change] = []
        self.present: list[str] = []
        self.typists: list[str] = []
        self.lostClaims: list[tuple[Claim, str]] = []
        self.moves: list[tuple[Position, bool]] = []
        self.faults: list[str] = []
        self.closed = False
        self.then = lambda: None
        self._next = 0

    def opened(self, room: IStoredRoom) -> IStoredRoom:
        """
        Begin to observe. This is the first callback of L{machat.interfaces.IStore.open}.
        """
        self.room = room
        self._next = room.position.seq + 1
        return room

    def said(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        self._check("said")
        for message in messages:
            if message.seq != self._next:
                self.faults.append(f"message {message.seq} came instead of {self._next}")
            self._next = message.seq + 1
        if messages and self.room is not None and self.room.position.seq < messages[-1].seq:
            self.faults.append(f"message {messages[-1].seq} is above the position of the room")
        self.messages += messages
        self.changes += changes
        self.then()

    def moved(self, position: Position, complete: bool) -> None:
        self._check("moved")
        if position.seq + 1 < self._next:
            self.faults.append(f"moved back to {position.seq}")
        self._next = position.seq + 1
        self.moves.append((position, complete))

    def presence(self, joined: Sequence[str], left: Sequence[str]) -> None:
        self._check("presence")
        self.present += joined
        for name in left:
            if name in self.present:
                self.present.remove(name)

    def typing(self, name: str) -> None:
        self._check("typing")
        self.typists.append(name)

    def lost(self, claim: Claim, reason: str) -> None:
        self._check("lost")
        if not reason or "\n" in reason:
            self.faults.append(f"the reason {reason!r} is not one line of text")
        self.lostClaims.append((claim, reason))

    def texts(self) -> list[str]:
        """
        @return: the texts of all messages
        """
        return [message.text for message in self.messages]

    def _check(self, report: str) -> None:
        if self.room is None:
            self.faults.append(f"{report} came before the room was open")
        if self.closed:
            self.faults.append(f"{report} came after the room was closed")
