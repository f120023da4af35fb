"""
What a person types and sees, whatever shows it: lines in, lines out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat import names
from machat.cli.display import Line, clock, printable, printableName
from machat.cli.moderation import HELP, MODERATION
from machat.client import ChatClient, Connected, Ended, Failed, Gap, Lost
from machat.client.sendqueue import QueuedLine, SendQueue
from machat.commands import Command
from machat.errors import ChatError
from machat.events import Bye, Error, Event, Joined, Left, Members, Message, Presence, SanctionList

#: How many of a room's last messages to show on coming in.
HISTORY = 20


#: How many reasons for which there is no connection are told.
REASONS = 20

#: How many refused lines are reported one by one.
REPORTED = 10


#: The kinds of a L{machat.events.Sanctioned}, in words.
_KINDS = {"mute": "muted", "ban": "banned", "address": "banned by address"}


def _words(failure: Failure) -> str:
    error = failure.value
    return error.text if isinstance(error, ChatError) else failure.getErrorMessage()


class Conversation:
    """
    One person's talk.

    @ivar room: where what is typed goes, or C{None}
    @ivar members: how many are there, as far as that is known
    @ivar failed: whether anything was refused, or the server does not want us back
    @ivar queue: the lines that were said and are not acknowledged
    """

    queue: SendQueue

    def __init__(
        self,
        show: Callable[[Line], object],
        quit: Callable[[int], object],
        escape: Callable[[str], str] = printable,
    ) -> None:
        """
        @param show: is called with each line to show
        @param quit: is called, with an exit status, when it is over
        @param escape: makes what others say fit to be shown. Our own words are escaped anyway
        """
        self._show = show
        self._quit = quit
        self._escape = escape
        self._client: ChatClient | None = None
        self._progress: Callable[[], object] = lambda: None
        self._settled: list[Deferred[None]] = []
        self._reasons: set[str] = set()
        self._goodbye = False
        self._leaving: set[str] = set()
        self.room: str | None = None
        self.members: dict[str, int] = {}
        self.failed = False

    def begin(
        self,
        client: ChatClient,
        rooms: Iterable[str],
        progress: Callable[[], object] = lambda: None,
    ) -> list[Deferred[None]]:
        """
        @param client: its listener is C{heard}
        @param progress: is called each time that it is known what became of a line
        @return: each fires when it is known whether one of the rooms was joined
        """
        self._client = client
        self._progress = progress
        self.queue = SendQueue(client, self._tellSettled, self._refusedLine)
        client.startService()
        return [self._joinRoom(client, room) for room in rooms]

    @property
    def status(self) -> str:
        """
        Where we are, in a few words.
        """
        waiting = (
            f", {self.queue.waiting} on their way" if self._client and self.queue.waiting else ""
        )
        if self._client is None or not self._client.connected:
            return f"not connected{waiting}"
        if self.room is None:
            return "in no room"
        count = self.members.get(names.key(self.room), 0)
        others = [room for room in self._client.rooms() if room != self.room]
        also = f", also in {', '.join(others)}" if others else ""
        return printable(f"{self.room}: {count} here{also}{waiting}")

    def typed(self, line: str) -> None:
        """
        Take a line that a person has typed: a command, or something to say.
        """
        if line.startswith("/") and not line.startswith("//"):
            command, _, rest = line[1:].partition(" ")
            if command in MODERATION:
                self._moderate(MODERATION[command], rest.strip())
            elif command in _COMMANDS:
                _COMMANDS[command](self, rest.strip())
            else:
                self._note(f"there is no command /{command[:40]}: /help lists them")
        elif line:
            self.say(line[1:] if line.startswith("//") else line)

    def say(self, text: str, number: int = 0) -> None:
        """
        Say a line as it is, whatever it begins with.

        @param number: of the line in a longer input
        """
        if self._client is None or self.room is None:
            self.failed = True
            self._note("you are in no room: /join ROOM")
            return
        self.queue.add(QueuedLine(self.room, text, number))

    @property
    def ready(self) -> bool:
        """
        Whether what is said goes out now, and does not have to wait for a connection.
        """
        client = self._client
        return client is not None and self.room is not None and client.joined(self.room)

    def _join(self, room: str) -> None:
        if not room:
            self._note("which room? /join ROOM")
        elif self._client is not None:
            self._joinRoom(self._client, room)

    def _joinRoom(self, client: ChatClient, room: str) -> Deferred[None]:
        self.room = room
        return client.join(room, HISTORY).addCallbacks(self._joined, self._notJoined)

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
        client = self._here()
        room = self.room
        if client is None or room is None:
            return
        if self.queue.waiting and room not in self._leaving:
            self._leaving.add(room)
            self._note(f"{self.queue.waiting} lines are still on their way: /leave again: now")
            self.settled().addCallback(lambda _: self._left(client, room))
        else:
            self._left(client, room)

    def _left(self, client: ChatClient, room: str) -> None:
        self._leaving.discard(room)
        if names.key(room) in map(names.key, client.rooms()):
            client.leave(room)
            self.members.pop(names.key(room), None)
            self._note(f"left {room}")
            self._elsewhere()

    def _elsewhere(self) -> None:
        """
        Turn to another room if the present one has been left.
        """
        rooms = self._client.rooms() if self._client else []
        if self.room is not None and names.key(self.room) not in map(names.key, rooms):
            self.room = rooms[-1] if rooms else None

    def _here(self) -> ChatClient | None:
        """
        @return: the client, if it can be asked for something in the room; if not, that is noted
        """
        if self._client is None or not self._client.connected:
            self._note("not connected: nothing was done")
            return None
        if self.room is None:
            self._note("you are in no room: /join ROOM")
            return None
        return self._client

    def _who(self, rest: str) -> None:
        client = self._here()
        if client is not None and self.room is not None:
            client.who(self.room)

    def _moderate(self, measure: Callable[[str, str], Command], rest: str) -> None:
        client = self._here()
        if client is not None and self.room is not None:
            client.moderate(measure(self.room, rest))

    def _help(self, rest: str) -> None:
        for line in HELP:
            self._note(line)

    def _bye(self, rest: str) -> None:
        waiting = self.queue.waiting
        if not waiting or self._goodbye:
            self._quit(1 if waiting or self.failed else 0)
            return
        self._goodbye = True
        self._note(f"{waiting} lines are still on their way: goodbye after them; /quit again: now")
        self.settled().addCallback(lambda _: self._quit(1 if self.failed else 0))

    def settled(self) -> Deferred[None]:
        """
        @return: fires when all that was said is acknowledged, or will not be
        """
        settled: Deferred[None] = Deferred()
        if self.queue.waiting:
            self._settled.append(settled)
        else:
            settled.callback(None)
        return settled

    def _tellSettled(self) -> None:
        if not self.queue.waiting:
            waiting, self._settled = self._settled, []
            for each in waiting:
                each.callback(None)
        self._progress()

    def received(self, event: Event) -> None:
        """
        Show an event.
        """
        hear = _SHOWN.get(type(event))
        if hear is not None:
            hear(self, event)

    def _message(self, event: Message) -> None:
        several = self._client is not None and len(self._client.rooms()) > 1
        room = printableName(event.room) if several else None
        sender = printableName(event.sender)
        self._show(Line(self._escape(event.text), sender, room, event.at))

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
        self.members.pop(names.key(event.room), None)
        self._elsewhere()

    def _presence(self, event: Presence) -> None:
        if names.key(event.room) not in self.members:
            return
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
        now = datetime.now().astimezone()
        for each in event.sanctions:
            until = clock(each.until, now)
            whom = each.name if each.name is not None else "an address"
            kind = _KINDS.get(each.kind, each.kind)
            by = f" by {each.by}" if each.by is not None else ""
            self._note(f"{whom} is {kind} in {event.room}{by} until {until}")

    def _gap(self, event: Gap) -> None:
        missed = "some" if event.missed is None else event.missed
        self._note(f"--- {missed} messages of {event.room} could not be recovered ---")

    def _connected(self, event: Connected) -> None:
        self._reasons.clear()
        self._note("connected")

    def _notConnected(self, event: Failed) -> None:
        self._once(f"cannot connect: {event.text}{'; trying again' if event.retry else ''}")
        if not event.retry:
            self.failed = True
            self._quit(1)

    def _lost(self, event: Lost) -> None:
        if event.retry:
            self._once("connection lost, coming back")
        else:
            self._quit(1)

    def _ended(self, event: Bye) -> None:
        self.failed = self.failed or not event.reconnect
        self._once(f"the server says goodbye: {event.reason}")

    def _error(self, event: Error) -> None:
        text = f"{event.code}: {event.text}"
        if self._client is not None and self._client.connected:
            self._note(text)
        else:
            self._once(text)

    def _once(self, text: str) -> None:
        """
        Note something that each attempt to connect may bring: once until there is a connection.
        """
        if text not in self._reasons and len(self._reasons) < REASONS:
            self._reasons.add(text)
            self._note(text)

    def _refused(self, failure: Failure) -> None:
        self.failed = True
        self._note(f"refused: {_words(failure)}")

    def _refusedLine(self, line: QueuedLine, failure: Failure) -> None:
        self.failed = True
        if failure.check(Ended) or self.queue.failed > REPORTED:
            return  # their number is told at the end
        where = f"line {line.number}" if line.number else line.text[:60]
        self._note(f"refused: {_words(failure)} ({where})")
        if self.queue.failed == REPORTED:
            self._note("further lines that are refused are only counted")

    def _note(self, text: str) -> None:
        self._show(Line(printable(text)))


_COMMANDS: dict[str, Callable[[Conversation, str], None]] = {
    "join": Conversation._join,
    "leave": Conversation._leave,
    "who": Conversation._who,
    "help": Conversation._help,
    "quit": Conversation._bye,
}

_SHOWN: dict[type[Any], Callable[[Conversation, Any], None]] = {
    Message: Conversation._message,
    Joined: Conversation._came,
    Left: Conversation._went,
    Presence: Conversation._presence,
    Members: Conversation._members,
    SanctionList: Conversation._sanctions,
    Gap: Conversation._gap,
    Connected: Conversation._connected,
    Failed: Conversation._notConnected,
    Lost: Conversation._lost,
    Bye: Conversation._ended,
    Error: Conversation._error,
}
