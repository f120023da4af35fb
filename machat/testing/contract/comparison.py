"""
The comparison of a store with its model.
"""

from __future__ import annotations

from collections.abc import Sequence

from machat import names
from machat.entries import Entry, Message
from machat.events import Position
from machat.interfaces import IStoredRoom
from machat.records import Change, Claim
from machat.testing.contract.case import StoreCase
from machat.testing.contract.model import Model, State, settingsOf
from machat.testing.contract.witness import Witness


class Opened:
    """
    An open room of one process.

    @ivar top: the number of its last message when it was opened
    @ivar changes: the changes since then
    @ivar claims: the claims of this process
    """

    def __init__(self, room: IStoredRoom, witness: Witness) -> None:
        self.room = room
        self.witness = witness
        self.top = room.position.seq
        self.changes: list[Change] = []
        self.claims: list[Claim] = []


def statesOf(entries: Sequence[Entry]) -> list[State]:
    """
    @return: the current states of stored entries
    """
    return [(each.seq, each.sender, each.text, _reactionsOf(each)) for each in entries]


def _reactionsOf(entry: Entry) -> set[tuple[str, str]]:
    reactions = entry.reactions if isinstance(entry, Message) else None
    return {(emoji, names.key(name)) for emoji, each in (reactions or {}).items() for name in each}


async def compareRoom(case: StoreCase, model: Model, key: str, opened: Opened) -> None:
    """
    Compare one open room with its model.
    """
    room, witness = opened.room, opened.witness
    data = model.rooms[key]
    lines = data.lines[opened.top :]
    await case.until(
        lambda: len(witness.messages) >= len(lines) and len(witness.changes) >= len(opened.changes),
        "all messages and changes",
    )
    case.assertEqual(witness.faults, [])
    said = [(each.sender, each.text) for each in witness.messages]
    case.assertEqual(said, [line[:2] for line in lines])
    case.assertEqual(witness.changes, opened.changes)
    case.assertEqual(room.position.seq, len(data.lines))
    case.assertEqual(settingsOf(room.record), data.settings)
    case.assertCountEqual(room.record.sanctions, data.sanctions.values())
    case.assertEqual(statesOf(await case.wait(room.read(0, 1_000))), data.states())
    members = await case.wait(room.members(9))
    found = [names.key(name) for name in members.names]
    case.assertCountEqual(found, model.names(key))  # if a first claim ends, the order is open
    _comparePositions(case, model, key, opened)


def _comparePositions(case: StoreCase, model: Model, key: str, opened: Opened) -> None:
    """
    Compare which positions are covered.
    """
    room = opened.room
    epoch, top = room.position.epoch, room.position.seq
    for seq in range(1, top + 1):
        model.see(key, Position(epoch, seq))
    for position in model.seen[key]:
        if position.seq or position.epoch == epoch:
            expected = model.covers(key, position)
            case.assertEqual(room.covers(position), expected, position)
    case.assertFalse(room.covers(Position(epoch, top + 1)))
