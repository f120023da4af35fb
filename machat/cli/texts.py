"""
The texts that report events to the user of a terminal or a pipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from twisted.python.failure import Failure

from machat import names
from machat.cli.display import clock
from machat.client import Failed, Gap, Unknown
from machat.errors import FAILED, ChatError
from machat.events import Joined, Members, Moved, Presence, RoomList, SanctionList

#: Verbs for the kinds of a L{machat.events.Sanctioned}.
_KINDS = {"mute": "muted", "ban": "banned", "address": "banned by address"}

#: The maximum number of names of conversations that are shown.
MAX_NAMES = 10


def joined(event: Joined) -> Iterator[str]:
    """
    Report that the user has joined a room for the first time.
    """
    here = f": {', '.join(event.members)}" if event.members else ""
    yield f"joined {event.room}, {event.count} here{here}"
    if event.topic is not None:
        yield f"the topic is: {event.topic}"


def presence(event: Presence, own: str) -> Iterator[str]:
    """
    Report the other members who joined or left a room.

    @param own: the user's own name
    """
    others = [name for name in event.joined or () if names.key(name) != names.key(own)]
    if others:
        yield f"{', '.join(others)} joined {event.room}"
    if event.left:
        yield f"{', '.join(event.left)} left {event.room}"


def conversations(others: list[str]) -> str:
    """
    Report with whom the user has direct conversations.
    """
    more = f" and {len(others) - MAX_NAMES} others" if len(others) > MAX_NAMES else ""
    return f"you have conversations with {', '.join(others[:MAX_NAMES])}{more}: /msg NAME"


def members(event: Members) -> str:
    """
    Report the members of a room.
    """
    return f"{event.count} in {event.room}: {', '.join(event.members)}"


def roomList(event: RoomList, later: bool) -> Iterator[str]:
    """
    Report a part of the list of rooms.

    @param later: whether this is not the first part
    """
    if not event.rooms:
        yield f"there are no {'more' if later else 'such'} rooms in the list"
    for room in event.rooms:
        key = " (needs a key)" if room.key else ""
        topic = f": {room.topic}" if room.topic is not None else ""
        yield f"{room.name}, {room.count} here{key}{topic}"
    if event.more:
        yield "there are more rooms: /more shows the next ones, /list PREFIX only some"


def sanctions(event: SanctionList) -> Iterator[str]:
    """
    Report the active sanctions of a room.
    """
    if not event.sanctions:
        yield f"no mutes or bans in {event.room}"
    now = datetime.now().astimezone()
    for each in event.sanctions:
        until = clock(each.until, now)
        whom = each.name if each.name is not None else "an address"
        kind = _KINDS.get(each.kind, each.kind)
        by = f" by {each.by}" if each.by is not None else ""
        yield f"{whom} is {kind} in {event.room}{by} until {until}"


def gap(event: Gap) -> str:
    """
    Report lost messages.
    """
    missed = "some" if event.missed is None else event.missed
    return f"--- {missed} messages of {event.room} could not be recovered ---"


def failed(event: Failed) -> str:
    """
    Report a failed attempt to connect.
    """
    return f"cannot connect: {event.text}{'; trying again' if event.retry else ''}"


def moved(event: Moved) -> Iterator[str]:
    """
    Report messages that the server has lost.
    """
    if event.lost:
        yield f"--- some messages of {event.room} were lost: the server no longer has them ---"


def outcome(failure: Failure) -> str:
    """
    @return: the outcome of a message that was not acknowledged, and its reason
    """
    if failure.check(Unknown):
        return f"outcome unknown: {failure.getErrorMessage()}"
    failed = isinstance(failure.value, ChatError) and failure.value.code == FAILED
    return f"{'not sent' if failed else 'refused'}: {refusal(failure)}"


def refusal(failure: Failure) -> str:
    """
    @return: the reason of a refusal
    """
    error = failure.value
    return error.text if isinstance(error, ChatError) else failure.getErrorMessage()
