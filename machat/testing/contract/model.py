"""
A model of a store: the simplest program that does what L{machat.interfaces.IStore} requires, and
that a store is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import count

from machat import names
from machat.entries import Edit, React, Redact, RichDraft
from machat.errors import NAME_TAKEN, ROOM_FULL
from machat.events import Draft, Position
from machat.interfaces import IStoredRoom
from machat.records import (
    Change,
    Claim,
    Imposed,
    KeySet,
    Lifted,
    ListingSet,
    RoomRecord,
    TopicSet,
)

#: The maximum number of claims in a room of the model.
MOST = 3

#: Sender and text of a message, and a number that no other message has, not even a lost one.
Line = tuple[str, str, int]


#: Number, sender and text of an entry, and its emojis with the keys of the names.
State = tuple[int, str, str, set[tuple[str, str]]]

_SERIAL = count(1)

#: The changes that set something until the next change of this type.
SETTINGS: tuple[type[Change], ...] = (TopicSet, ListingSet, KeySet)


def valueOf(change: Change) -> str | bool | None:
    """
    @return: the value that a change of L{SETTINGS} sets
    """
    match change:
        case TopicSet(value) | ListingSet(value) | KeySet(value):
            return value
    raise TypeError(change)


def settingsOf(record: RoomRecord) -> dict[type[Change], str | bool | None]:
    """
    @return: the settings of a room
    """
    return {TopicSet: record.topic, ListingSet: record.listed, KeySet: record.key}


class Item:
    """
    The current state of an entry.

    @ivar message: whether it is a message that can be changed
    @ivar edit: the last edit of the message
    @ivar reactions: the emojis and the keys of the names
    """

    def __init__(self, sender: str, text: str, message: bool) -> None:
        self.sender = sender
        self.text = text
        self.message = message
        self.edit: Item | None = None
        self.reactions: set[tuple[str, str]] = set()

    def change(self, change: Edit | Redact | React, name: str, entry: Item) -> None:
        """
        Change the message.

        @param entry: the entry of the change
        """
        if isinstance(change, React):
            self.reactions ^= {(change.text, names.key(name))}
            return
        if self.edit is not None:
            self.edit.text = ""
        self.edit = entry if isinstance(change, Edit) else None
        self.text = change.text if isinstance(change, Edit) else ""
        if isinstance(change, Redact):
            self.message = False
            self.reactions = set()


class RoomModel:
    """
    The data of one room.

    @ivar name: its name
    @ivar lines: its entries as they were reported; the first one has the number 1
    @ivar items: their current states
    @ivar ids: number and time of the messages with an id, by sender and id
    @ivar epochs: the epochs under which the room was opened
    @ivar settings: its topic, whether it is listed, and its key, by the type of the change
    @ivar sanctions: its mutes and bans, by kind and target
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[Line] = []
        self.items: list[Item] = []
        self.ids: dict[tuple[str, str], tuple[int, float]] = {}
        self.epochs: set[str] = set()
        self.settings: dict[type[Change], str | bool | None] = dict.fromkeys(SETTINGS)
        self.sanctions: dict[tuple[str, str], Imposed] = {}

    def append(self, batch: Sequence[Draft], now: float, remembered: float) -> list[int]:
        """
        @param now: the time, seconds
        @param remembered: see L{machat.limits.Limits}
        @return: the number of each message; a negative one for a duplicate; 0 for a refused entry
        """
        numbers = []
        for draft in batch:
            key = (names.key(draft.sender), draft.id or "")
            seq, at = self.ids.get(key, (0, now))
            if draft.id is not None and seq and now - at <= remembered:
                numbers.append(-seq)
                continue
            content = draft.content if isinstance(draft, RichDraft) else None
            item = Item(draft.sender, draft.text, content is None)
            if isinstance(content, (Edit, Redact, React)):
                number = self._change(content, draft.sender, item)
                if number is not None:
                    numbers.append(number)
                    continue
            self.items.append(item)
            self.lines.append((draft.sender, draft.text, next(_SERIAL)))
            numbers.append(len(self.lines))
            if draft.id is not None:
                self.ids[key] = (len(self.lines), now)
        return numbers

    def _change(self, change: Edit | Redact | React, name: str, entry: Item) -> int | None:
        """
        @return: C{None}; or, if the change is not stored, the number that the store returns
        """
        place = change.target - 1
        if place >= len(self.items) or not self.items[place].message:
            return 0
        item = self.items[place]
        present = isinstance(change, React) and (change.text, names.key(name)) in item.reactions
        if isinstance(change, React) and present is not change.remove:
            return -change.target
        item.change(change, name, entry)
        return None

    def states(self) -> list[State]:
        """
        @return: the current states of all entries
        """
        return [
            (seq, item.sender, item.text, item.reactions) for seq, item in enumerate(self.items, 1)
        ]

    def change(self, changes: Sequence[Change]) -> None:
        """
        Make changes.
        """
        for change in changes:
            if isinstance(change, Imposed):
                self.sanctions[change.kind, change.target] = change
            elif isinstance(change, Lifted):
                self.sanctions.pop((change.kind, change.target), None)
            else:
                self.settings[type(change)] = valueOf(change)

    def adopt(self, room: IStoredRoom) -> None:
        """
        Accept that the store has forgotten this room, which has no messages, except its sanctions.
        """
        if names.key(room.name) == names.key(self.name):
            self.name = room.name
        for kind, value in settingsOf(room.record).items():
            if value is None:
                self.settings[kind] = None

    def serial(self, seq: int) -> int:
        """
        @return: the number that identifies the message; 0 if there is none
        """
        return self.lines[seq - 1][2] if 0 < seq <= len(self.lines) else 0


class Model:
    """
    The data of a store, and the claims.

    @ivar rooms: the rooms by key
    @ivar claims: the claims of all processes, by the key of the room
    @ivar seen: for each room, the positions that clients may have received, with the serial number
        of the last message at that time
    """

    def __init__(self) -> None:
        self.rooms: dict[str, RoomModel] = {}
        self.claims: dict[str, list[Claim]] = {}
        self.seen: dict[str, dict[Position, int]] = {}

    def backUp(self) -> dict[str, RoomModel]:
        """
        @return: a copy of the rooms
        """
        return deepcopy(self.rooms)

    def restore(self, backup: dict[str, RoomModel]) -> None:
        """
        Continue with the rooms of a backup.
        """
        self.rooms = deepcopy(backup)
        self.claims.clear()

    def refusals(self, key: str, claim: Claim) -> set[str]:
        """
        @return: the codes with which a claim may be refused; none if it is granted
        """
        claims = self.claims.setdefault(key, [])
        held = [each for each in claims if each.key == claim.key]
        codes = set()
        if held and not (claim.known and held[0].known):
            codes.add(NAME_TAKEN)
        if len(claims) >= MOST:
            codes.add(ROOM_FULL)
        return codes

    def names(self, key: str) -> list[str]:
        """
        @return: the keys of the names in a room, in any order
        """
        return list(dict.fromkeys(claim.key for claim in self.claims.get(key, ())))

    def see(self, key: str, position: Position) -> None:
        """
        Note a position that clients may have received.
        """
        room = self.rooms[key]
        room.epochs.add(position.epoch)
        self.seen.setdefault(key, {})[position] = room.serial(position.seq)

    def covers(self, key: str, position: Position) -> bool:
        """
        @return: whether the room covers a position that clients may have received
        """
        room = self.rooms[key]
        same = room.serial(position.seq) == self.seen[key][position]
        return same and position.epoch in room.epochs
