"""
The changes that edits, redactions and reactions make to a message.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from machat import names
from machat.entries import (
    NO_JSON,
    Edit,
    Entry,
    Message,
    React,
    Reacted,
    Redact,
    Redacted,
    RichMessage,
)

Reactions = dict[str, tuple[str, ...]]


def revised(message: Message, change: Edit | Redact | React, name: str) -> Message:
    """
    @param name: the name of the author of the change
    @return: the message after the change
    """
    match change:
        case Edit(_, text):
            return _rich(message, text, edited=True)
        case Redact():
            return RichMessage(
                message.room, message.seq, message.sender, "", message.at, redacted=True
            )
        case React(_, emoji, remove):
            reactions = withReaction(message.reactions or {}, emoji, name, remove)
            return _rich(message, message.text, edited=message.edited, reactions=reactions)


def withReactions(message: Message, reactions: Reactions) -> Message:
    """
    @return: the message with these reactions
    """
    return _rich(message, message.text, message.edited, reactions)


def _rich(
    message: Message, text: str, edited: bool, reactions: Reactions | None = None
) -> RichMessage:
    return RichMessage(
        message.room,
        message.seq,
        message.sender,
        text,
        message.at,
        message.replay,
        json=message.json if isinstance(message, RichMessage) else NO_JSON,
        reply=message.reply,
        edited=edited,
        reactions=message.reactions if reactions is None else reactions or None,
    )


def messageIn(entries: Sequence[Entry], seq: int) -> Message | None:
    """
    @return: the message with this number, if it is the first of these entries and not redacted
    """
    for entry in entries[:1]:
        if entry.seq == seq and isinstance(entry, Message) and not entry.redacted:
            return entry
    return None


def hasReaction(reactions: Reactions | None, emoji: str, name: str) -> bool:
    """
    @return: whether a name, in any spelling, has added this emoji
    """
    key = names.key(name)
    return any(names.key(each) == key for each in (reactions or {}).get(emoji, ()))


def countOf(reactions: Reactions | None) -> int:
    """
    @return: the number of reactions
    """
    return sum(map(len, (reactions or {}).values()))


def withReaction(reactions: Reactions, emoji: str, name: str, remove: bool) -> Reactions:
    """
    @return: the reactions after a name has added or removed one
    """
    key = names.key(name)
    others = tuple([each for each in reactions.get(emoji, ()) if names.key(each) != key])
    if remove:
        found = {**reactions, emoji: others}
        return {each: names for each, names in found.items() if names}
    if len(others) < len(reactions.get(emoji, ())):
        return reactions
    return {**reactions, emoji: (*others, name)}


def fold(entries: Sequence[Entry]) -> list[Entry]:
    """
    Apply the edits, redactions and reactions among consecutive entries to the messages before them.
    The messages may contain some of these changes already.

    @return: the entries. Of an edit that a later entry replaces, the text is removed
    """
    found = list(entries)
    places: dict[int, int] = {}
    edits: dict[int, int] = {}
    for index, entry in enumerate(entries):
        if isinstance(entry, Message):
            places[entry.seq] = index
            continue
        place = places.get(entry.target)
        old = None if place is None else found[place]
        message = old if isinstance(old, Message) and not old.redacted else None
        if isinstance(entry, Reacted):
            if place is not None and message is not None:
                change = React(entry.target, entry.emoji, entry.remove)
                found[place] = revised(message, change, entry.by)
            continue
        earlier = edits.get(entry.target)
        if earlier is not None:
            found[earlier] = replace(found[earlier], text="", replaced=True)
        edits.pop(entry.target, None)
        if isinstance(entry, Redacted):
            if place is not None and message is not None:
                found[place] = revised(message, Redact(entry.target), entry.by)
        elif not entry.replaced:
            edits[entry.target] = index
            if place is not None and message is not None:
                found[place] = revised(message, Edit(entry.target, entry.text), entry.by)
    return found
