"""
What a person types and sees, whatever shows it: lines in, lines out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from machat import names
from machat.client import ChatClient, Connected, Ended, Gap, Lost
from machat.commands import (
    Ban,
    Command,
    Kick,
    ListSanctions,
    Lock,
    Mute,
    Topic,
    Unban,
    Unlock,
    Unmute,
)
from machat.errors import ChatError
from machat.events import Bye, Error, Event, Joined, Left, Members, Message, Presence, SanctionList

HELP = (
    "/join ROOM  be in another room, or turn to it",
    "/leave      leave this room",
    "/who        who is here",
    "/quit       goodbye",
    "//...       a line that begins with a slash",
    "for moderators: /kick NAME [WHY], /mute NAME [MINUTES] [WHY], /ban NAME [MINUTES] [WHY],",
    "/unmute NAME, /unban NAME, /bans, /lock [WHY], /unlock, /topic [TEXT]",
)

#: How many of a room's last messages to show on coming in.
HISTORY = 20

#: As many colours as a terminal is sure to have, without black, white and grey.
COLOURS = 12


#: The kinds of a L{machat.events.Sanctioned}, in words.
_KINDS = {"mute": "muted", "ban": "banned", "address": "banned by address"}


class Line(NamedTuple):
    """
    Something to show.

    @ivar text: fit for a terminal: nothing in it can move the cursor
    @ivar sender: who said it, or C{None} if it is our own word
    @ivar room: where, if more than one room is open
    """

    text: str
    sender: str | None = None
    room: str | None = None


def printable(text: str) -> str:
    """
    @return: the text with what a terminal might obey made visible
    """
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def colour(name: str) -> int:
    """
    @return: the number of a colour below L{COLOURS}: the same for one name wherever it is written
    """
    return crc32(names.key(name).encode()) % COLOURS


def _split(rest: str) -> tuple[str, str]:
    first, _, rest = rest.partition(" ")
    return first, rest.strip()


def _sanction(rest: str) -> dict[str, Any]:
    """
    @param rest: a name, perhaps minutes, perhaps a reason
    """
    name, reason = _split(rest)
    minutes, why = _split(reason)
    if minutes.isascii() and minutes.isdecimal() and len(minutes) < 6:
        return {"name": name, "seconds": 60 * int(minutes), "reason": why}
    return {"name": name, "reason": reason}


class Talk:
    """
    One person's talk.

    @ivar room: where what is typed goes, or C{None}
    @ivar members: how many are there, as far as that is known
    @ivar failed: whether anything was refused, or the server does not want us back
    """

    def __init__(self, show: Callable[[Line], object], quit: Callable[[int], object]) -> None:
        """
        @param show: is called with each line to show
        @param quit: is called, with an exit status, when it is over
        """
        self._show = show
        self._quit = quit
        self._client: ChatClient | None = None
        self._waiting: list[Deferred[Any]] = []
        self.room: str | None = None
        self.members: dict[str, int] = {}
        self.failed = False

    def begin(self, client: ChatClient, rooms: Iterable[str]) -> None:
        """
        @param client: its listener is C{heard}
        """
        self._client = client
        client.startService()
        for room in rooms:
            self._join(room)

    @property
    def status(self) -> str:
        """
        Where we are, in a few words.
        """
        if self._client is None or not self._client.connected:
            return "not connected"
        if self.room is None:
            return "in no room"
        count = self.members.get(names.key(self.room), 0)
        others = [room for room in self._client.rooms() if room != self.room]
        also = f", also in {', '.join(others)}" if others else ""
        return f"{self.room}: {count} here{also}"

    def typed(self, text: str) -> None:
        """
        Take what was typed: one line, or as many as were pasted.
        """
        for line in text.splitlines():
            if line.startswith("/") and not line.startswith("//"):
                command, _, rest = line[1:].partition(" ")
                if command in _MEASURES:
                    self._moderate(_MEASURES[command], rest.strip())
                else:
                    _COMMANDS.get(command, Talk._unknown)(self, rest.strip())
            else:
                self._say(line[1:] if line.startswith("//") else line)

    def _say(self, text: str) -> None:
        if self._client is None or self.room is None:
            self._note("you are in no room: /join ROOM")
            return
        said = self._client.say(self.room, text)
        self._waiting = [each for each in self._waiting if not each.called]
        self._waiting.append(said)
        said.addErrback(self._refused)

    def _join(self, room: str) -> None:
        if not room:
            self._note("which room? /join ROOM")
        elif self._client is not None:
            self.room = room
            self._client.join(room, HISTORY).addCallbacks(self._joined, self._notJoined)

    def _joined(self, joined: Joined) -> None:
        if self.room is not None and names.key(self.room) == names.key(joined.room):
            self.room = joined.room

    def _notJoined(self, failure: Failure) -> None:
        if failure.check(Ended):
            return  # it is over anyway
        rooms = self._client.rooms() if self._client else []
        self.room = rooms[-1] if rooms else None
        self._refused(failure)

    def _leave(self, rest: str) -> None:
        if self._client is not None and self.room is not None:
            self._client.leave(self.room)
            self._note(f"left {self.room}")
            rooms = self._client.rooms()
            self.room = rooms[-1] if rooms else None

    def _who(self, rest: str) -> None:
        if self._client is not None and self.room is not None:
            self._client.who(self.room)

    def _moderate(self, measure: Callable[[str, str], Command], rest: str) -> None:
        if self._client is not None and self.room is not None:
            self._client.moderate(measure(self.room, rest))

    def _help(self, rest: str) -> None:
        for line in HELP:
            self._note(line)

    def _unknown(self, rest: str) -> None:
        self._note("there is no such command: /help")

    def _bye(self, rest: str) -> None:
        self._quit(0)

    def settled(self) -> Deferred[Any]:
        """
        @return: fires when all that was said is acknowledged, or will not be
        """
        return DeferredList(self._waiting)

    def heard(self, event: Event) -> None:
        """
        Show an event.
        """
        hear = _SHOWN.get(type(event))
        if hear is not None:
            hear(self, event)

    def _message(self, event: Message) -> None:
        several = self._client is not None and len(self._client.rooms()) > 1
        room = event.room if several else None
        self._show(Line(printable(event.text), printable(event.sender), room))

    def _came(self, event: Joined) -> None:
        self.members[names.key(event.room)] = event.count
        if event.recovered is None:
            here = f": {', '.join(event.members)}" if event.members else ""
            self._note(f"joined {event.room}, {event.count} here{here}")
            if event.topic is not None:
                self._note(f"the topic is: {event.topic}")

    def _went(self, event: Left) -> None:
        if event.reason is not None:
            self._note(f"out of {event.room}: {event.reason}")
        rooms = self._client.rooms() if self._client else []
        if self.room is not None and names.key(self.room) not in map(names.key, rooms):
            self.room = rooms[-1] if rooms else None

    def _presence(self, event: Presence) -> None:
        self.members[names.key(event.room)] = event.count
        own = names.key(self._client.nick) if self._client else ""
        come = [name for name in event.joined or () if names.key(name) != own]
        if come:
            self._note(f"{', '.join(come)} joined {event.room}")
        if event.left:
            self._note(f"{', '.join(event.left)} left {event.room}")

    def _members(self, event: Members) -> None:
        self._note(f"{event.count} in {event.room}: {', '.join(event.members)}")

    def _sanctions(self, event: SanctionList) -> None:
        if not event.sanctions:
            self._note(f"no mutes or bans in {event.room}")
        for each in event.sanctions:
            until = datetime.fromtimestamp(each.until / 1000)
            whom = each.name if each.name is not None else "an address"
            kind = _KINDS.get(each.kind, each.kind)
            by = f" by {each.by}" if each.by is not None else ""
            self._note(f"{whom} is {kind} in {event.room}{by} until {until:%Y-%m-%d %H:%M:%S}")

    def _gap(self, event: Gap) -> None:
        missed = "some" if event.missed is None else event.missed
        self._note(f"--- {missed} messages of {event.room} could not be recovered ---")

    def _connected(self, event: Connected) -> None:
        self._note("connected")

    def _lost(self, event: Lost) -> None:
        if event.retry:
            self._note("connection lost, coming back")
        else:
            self._quit(1)

    def _ended(self, event: Bye) -> None:
        self.failed = self.failed or not event.reconnect
        self._note(f"the server says goodbye: {event.reason}")

    def _error(self, event: Error) -> None:
        self._note(f"{event.code}: {event.text}")

    def _refused(self, failure: Failure) -> None:
        self.failed = True
        error = failure.value
        text = error.text if isinstance(error, ChatError) else failure.getErrorMessage()
        self._note(f"refused: {text}")

    def _note(self, text: str) -> None:
        self._show(Line(printable(text)))


_COMMANDS: dict[str, Callable[[Talk, str], None]] = {
    "join": Talk._join,
    "leave": Talk._leave,
    "who": Talk._who,
    "help": Talk._help,
    "quit": Talk._bye,
}

_MEASURES: dict[str, Callable[[str, str], Command]] = {
    "kick": lambda room, rest: Kick(room=room, name=_split(rest)[0], reason=_split(rest)[1]),
    "mute": lambda room, rest: Mute(room=room, **_sanction(rest)),
    "unmute": lambda room, rest: Unmute(room=room, name=rest),
    "ban": lambda room, rest: Ban(room=room, **_sanction(rest)),
    "unban": lambda room, rest: Unban(room=room, name=rest),
    "lock": lambda room, rest: Lock(room=room, reason=rest),
    "unlock": lambda room, rest: Unlock(room=room),
    "bans": lambda room, rest: ListSanctions(room=room),
    "topic": lambda room, rest: Topic(room=room, text=rest),
}

_SHOWN: dict[type[Any], Callable[[Talk, Any], None]] = {
    Message: Talk._message,
    Joined: Talk._came,
    Left: Talk._went,
    Presence: Talk._presence,
    Members: Talk._members,
    SanctionList: Talk._sanctions,
    Gap: Talk._gap,
    Connected: Talk._connected,
    Lost: Talk._lost,
    Bye: Talk._ended,
    Error: Talk._error,
}
