"""
The stored form of an entry in MessagePack (U{https://msgpack.org}): an array of sender and text,
and for an entry other than a plain message its kind and its other fields. Later versions may append
fields. This version ignores them.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct, msgpack

from machat.entries import (
    NO_JSON,
    Draft,
    Edit,
    Edited,
    Entry,
    Message,
    React,
    Reacted,
    Redact,
    Redacted,
    RichDraft,
    RichMessage,
    Said,
)

#: The kinds. C{MESSAGE} is followed by the C{data}, the C{reply} or 0, and 1 if the message was
#: edited; C{EDITED} by the target, and 1 if a later entry has replaced the text; C{REDACTED} by the
#: target and the author or an empty string; C{REACTED} by the target, and 1 if the reaction was
#: removed.
PLAIN, MESSAGE, EDITED, REDACTED, REACTED = range(5)


class Line(Struct, array_like=True, gc=False):
    """
    A stored entry.

    @ivar text: the text; C{None} of a redacted message; C{False} if the current text is stored
        elsewhere
    @ivar kind: see L{PLAIN}
    """

    sender: str
    text: str | bool | None
    kind: int = PLAIN
    first: int | str = 0
    second: int | str = 0
    third: int = 0


encode = msgpack.Encoder().encode


def arrayOf(draft: Draft, apart: bool = False) -> tuple[Any, ...]:
    """
    @param apart: whether the texts of edits are stored elsewhere
    @return: the array for a draft
    """
    if not isinstance(draft, RichDraft):
        return draft.sender, draft.text
    sender, text = draft.sender, draft.text
    match draft.content:
        case Said(_, json, reply):
            return sender, text, MESSAGE, json.decode(), reply or 0
        case Edit(target):
            return sender, False if apart else text, EDITED, target
        case Redact(target, _, author):
            return sender, text, REDACTED, target, author or ""
        case React(target, _, remove):
            return sender, text, REACTED, target, int(remove)


def entryOf(line: Line, room: str, seq: int, at: int) -> Entry:
    """
    @return: the entry, as far as it is stored here
    """
    kind, sender, text = line.kind, line.sender, line.text
    if kind == PLAIN and type(text) is str:
        return Message(room, seq, sender, text, at)
    if kind in (EDITED, REDACTED, REACTED):
        return _revisionOf(line, room, seq, at)
    json = str(line.first or "").encode()
    return RichMessage(
        room,
        seq,
        sender,
        text if isinstance(text, str) else "",
        at,
        json=Raw(json) if json else NO_JSON,
        reply=_int(line.second) or None,
        edited=bool(line.third) or text is False,
        redacted=text is None,
    )


def _revisionOf(line: Line, room: str, seq: int, at: int) -> Edited | Redacted | Reacted:
    target, sender = _int(line.first), line.sender
    text = line.text if isinstance(line.text, str) else ""
    if line.kind == EDITED:
        return Edited(
            room=room,
            seq=seq,
            target=target,
            by=sender,
            text=text,
            at=at,
            replaced=bool(line.second) or line.text is False,
        )
    if line.kind == REDACTED:
        return Redacted(
            room=room,
            seq=seq,
            target=target,
            by=sender,
            author=str(line.second or "") or None,
            reason=text or None,
            at=at,
        )
    return Reacted(
        room=room,
        seq=seq,
        target=target,
        by=sender,
        emoji=text,
        remove=bool(line.second),
        at=at,
    )


def _int(value: int | str) -> int:
    return value if isinstance(value, int) else 0
