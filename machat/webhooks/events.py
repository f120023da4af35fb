"""
The events of webhooks, as objects for JSON.
"""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from machat.entries import NO_JSON, Entry, RichMessage
from machat.records import (
    Change,
    Imposed,
    KeySet,
    Kicked,
    Lifted,
    ListingSet,
    LockSet,
    TopicSet,
)

#: The names of the actions that impose and lift a L{Imposed}, by its C{kind}.
_IMPOSED = {"mute": "mute", "ban": "ban", "address": "ban-address"}
_LIFTED = {"mute": "unmute", "ban": "unban", "address": "unban-address"}


def entry(message: Entry, epoch: str) -> dict[str, Any]:
    """
    @param epoch: the epoch of the room
    @return: the event as in the C{events} dialect, and the epoch. Its C{data} is encoded already
    """
    data = None
    if isinstance(message, RichMessage) and bytes(message.json):
        data, message = message.json, replace(message, json=NO_JSON)
    found = {**to_builtins(message), "epoch": epoch}
    return found if data is None else {**found, "data": data}


def presence(kind: str, room: str, name: str, at: int) -> dict[str, Any]:
    """
    @param kind: C{joined} or C{left}
    @param at: the time, in milliseconds since the Unix epoch
    """
    return {"type": kind, "room": room, "name": name, "at": at}


def moderation(room: str, change: Change, at: int) -> dict[str, Any]:
    """
    @param at: the time, in milliseconds since the Unix epoch
    @return: the event. It does not contain the address of a banned network
    """
    found = {key: value for key, value in _fields(change).items() if value is not None}
    return {"type": "moderation", "room": room, "at": at, **found}


def _fields(change: Change) -> dict[str, Any]:
    if isinstance(change, Imposed):
        action = _IMPOSED.get(change.kind, change.kind)
        return {"action": action, "name": change.name, "until": change.until, "by": change.by}
    if isinstance(change, Lifted):
        name = None if change.kind == "address" else change.name or change.target
        return {"action": _LIFTED.get(change.kind, change.kind), "name": name}
    if isinstance(change, TopicSet):
        return {"action": "topic", "topic": change.topic}
    if isinstance(change, LockSet):
        return {"action": "lock" if change.locked else "unlock"}
    if isinstance(change, ListingSet):
        return {"action": "list" if change.listed else "unlist"}
    if isinstance(change, KeySet):
        return {"action": "key" if change.key else "remove-key"}
    if isinstance(change, Kicked):
        return {"action": "kick", "name": change.name or change.key, "reason": change.words}
    return {"action": "other"}
