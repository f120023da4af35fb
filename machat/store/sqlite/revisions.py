"""
Edits, redactions and reactions in the database.

The text of an edit is stored once, in the table C{revision}. The edit and the message refer to it.
A text that is replaced is overwritten with zeros.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import msgpack
from msgspec.structs import replace

from machat import names
from machat.entries import Edit, Edited, Entry, Message, React, Redact, RichMessage
from machat.revisions import withReactions

#: The bytes that an edit or a reaction uses in a table of its own, in addition to its strings.
ROW_BYTES = 48

_batch = msgpack.Decoder(list[list[object]]).decode


class Revision(NamedTuple):
    """
    A change of a message.

    @ivar room: the room
    @ivar seq: the number of the change
    @ivar name: who makes it
    """

    room: int
    seq: int
    change: Edit | Redact | React
    name: str

    @property
    def size(self) -> int:
        """
        The bytes that it uses outside its batch, approximately.
        """
        match self.change:
            case Edit(_, text):
                return ROW_BYTES + len(text.encode())
            case React(_, emoji, False):
                return ROW_BYTES + len(emoji.encode()) + 2 * len(self.name.encode())
        return 0


def revise(db: sqlite3.Connection, revision: Revision) -> None:
    """
    Make a change, in a transaction that overwrites what it deletes.
    """
    room, seq, change, name = revision
    place = (room, change.target)
    if isinstance(change, React):
        db.execute(
            "DELETE FROM reaction WHERE room = ? AND target = ? AND emoji = ? AND key = ?",
            (*place, change.text, names.key(name)),
        )
        if not change.remove:
            db.execute(
                "INSERT INTO reaction (room, target, emoji, key, name) VALUES (?, ?, ?, ?, ?)",
                (*place, change.text, names.key(name), name),
            )
        return
    db.execute("DELETE FROM revision WHERE room = ? AND target = ?", place)
    if isinstance(change, Redact):
        db.execute("DELETE FROM reaction WHERE room = ? AND target = ?", place)
        _blank(db, room, change.target, None)
    else:
        db.execute("INSERT INTO revision VALUES (?, ?, ?, ?)", (room, seq, *_fieldsOf(change)))
        _blank(db, room, change.target, False)


def _fieldsOf(change: Edit) -> tuple[int, str]:
    return change.target, change.text


def _blank(db: sqlite3.Connection, room: int, seq: int, text: bool | None) -> None:
    """
    Replace the text of a message, if it is stored. The new form is not longer than the old one.

    @param text: C{False}: the text is in the table C{revision}; C{None}: the message has no content
    """
    row = db.execute(
        "SELECT id, last - count + 1, data FROM batch WHERE room = ? AND last >= ?"
        " ORDER BY last LIMIT 1",
        (room, seq),
    ).fetchone()
    if row is None or row[1] > seq:  # deleted meanwhile
        return
    id, first, data = row
    lines = _batch(data)
    sender, old, *rest = lines[seq - first]
    if old is not text:
        lines[seq - first] = [sender, text, *rest] if text is False else [sender, text]
        db.execute("UPDATE batch SET data = ? WHERE id = ?", (msgpack.encode(lines), id))


def current(db: sqlite3.Connection, room: int, entries: list[Entry]) -> list[Entry]:
    """
    @param entries: entries as their batches contain them, in order
    @return: the entries with the texts and the reactions that are stored elsewhere
    """
    if not entries:
        return entries
    place = (room, entries[0].seq, entries[-1].seq)
    if any([isinstance(entry, Edited) or _isEdited(entry) for entry in entries]):
        _setTexts(db, place, entries)
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    for target, emoji, name in db.execute(
        "SELECT target, emoji, name FROM reaction WHERE room = ? AND target BETWEEN ? AND ?"
        " ORDER BY id",
        place,
    ):
        reactions = found.setdefault(target, {})
        reactions[emoji] = (*reactions.get(emoji, ()), name)
    if not found:
        return entries
    return [
        withReactions(entry, found[entry.seq])
        if entry.seq in found and isinstance(entry, Message)
        else entry
        for entry in entries
    ]


def _isEdited(entry: Entry) -> bool:
    return isinstance(entry, RichMessage) and entry.edited


def _setTexts(db: sqlite3.Connection, place: tuple[int, int, int], entries: list[Entry]) -> None:
    texts = dict(
        db.execute("SELECT seq, text FROM revision WHERE room = ? AND seq BETWEEN ? AND ?", place)
    )
    edited = dict(
        db.execute(
            "SELECT target, text FROM revision WHERE room = ? AND target BETWEEN ? AND ?", place
        )
    )
    for index, entry in enumerate(entries):
        if isinstance(entry, Edited):
            text = texts.get(entry.seq)
            if text is not None:
                entries[index] = replace(entry, text=text, replaced=False)
        elif _isEdited(entry):
            entries[index] = replace(entry, text=edited.get(entry.seq, ""))


def forget(db: sqlite3.Connection, room: int, first: int) -> None:
    """
    Delete what belongs to deleted entries.

    @param first: the number of the first stored entry
    """
    db.execute("DELETE FROM revision WHERE room = ? AND seq < ?", (room, first))
    db.execute("DELETE FROM reaction WHERE room = ? AND target < ?", (room, first))


def targetsOf(batch: Sequence[object]) -> list[int]:
    """
    @return: the numbers of the messages that drafts change
    """
    contents = [getattr(draft, "content", None) for draft in batch]
    return [each.target for each in contents if isinstance(each, (Edit, Redact, React))]
