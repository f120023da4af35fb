"""
The conversation of one user, independent of the interface: it takes typed lines, and shows lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat import names
from machat.cli import texts
from machat.cli.display import Line, printable, printableName
from machat.cli.history import HistoryReader
from machat.cli.moderation import HELP, MODERATION
from machat.client import ChatClient, Connected, Ended, Failed, Gap, Lost
from machat.client.sendqueue import QueuedLine, SendQueue
from machat.commands import Command
from machat.events import (
    Bye,
    Error,
    Event,
    Joined,
    Left,
    Members,
    Message,
    Moved,
    Presence,
    SanctionList,
)

#: The number of a room's messages to show on the first join.
HISTORY = 20

#: The maximum number of reported reasons for a missing connection.
MAX_REASONS = 20

#: The maximum number of refused lines that are reported individually.
MAX_REPORTED = 10


class Conversation:
    """
    The conversation of one user.

    @ivar room: the room that receives typed lines; C{None} if there is none
    @ivar members: the number of members of each room, as far as it is known
    @ivar failed: whether anything was refused, or the server has asked the client not to reconnect
    @ivar queue: the lines that are not acknowledged
    @ivar history: loads older messages
    """

    queue: SendQueue

    def __init__(
        self,
        show: Callable[[Line], object],
        quit: Callable[[int], object],
        escape: Callable[[str], str] = printable,
    ) -> None:
        """
        @param show: called with each line to show
        @param quit: called with the exit status at the end
        @param escape: escapes the texts of other users. The client's own texts are always escaped
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
        self.history = HistoryReader(self._message, self._note)
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
        Start the client, and join rooms.

        @param client: a client whose listener is C{received}
        @param progress: called each time the outcome of a line is known
        @return: each fires when one of the rooms was joined or refused
        """
        self._client = client
        self._progress = progress
        self.queue = SendQueue(client, self._lineSettled, self._lineRefused)
        client.startService()
        return [self._joinRoom(client, room) for room in rooms]

    @property
    def status(self) -> str:
        """
        The state of the connection and the current room, in a few words.
        """
        waiting = f", {self.queue.waiting} waiting" if self._client and self.queue.waiting else ""
        if self._client is None or not self._client.connected:
            return f"not connected{waiting}"
        if self.room is None:
            return "not in a room"
        count = self.members.get(names.key(self.room), 0)
        others = [room for room in self._client.rooms() if room != self.room]
        also = f", also in {', '.join(others)}" if others else ""
        return printable(f"{self.room}: {count} here{also}{waiting}")

    def typed(self, line: str) -> None:
        """
        Handle a line that the user has typed: a command or a message.
        """
        if line.startswith("/") and not line.startswith("//"):
            command, _, rest = line[1:].partition(" ")
            if command in MODERATION:
                self._moderate(MODERATION[command], rest.strip())
            elif command in _COMMANDS:
                _COMMANDS[command](self, rest.strip())
            else:
                self._note(f"unknown command /{command[:40]}: /help lists all commands")
        elif line:
            self.say(line[1:] if line.startswith("//") else line)

    def say(self, text: str, number: int = 0) -> None:
        """
        Send a line as a message, even if it begins with a slash.

        @param number: the number of the line in a longer input
        """
        if self._client is None or self.room is None:
            self.failed = True
            self._note("you are not in a room: use /join ROOM")
            return
        self.queue.add(QueuedLine(self.room, text, number))

    @property
    def ready(self) -> bool:
        """
        Whether a message can be sent at once, because the current room is joined.
        """
        client = self._client
        return client is not None and self.room is not None and client.joined(self.room)

    def _join(self, room: str) -> None:
        if not room:
            self._note("the name of the room is missing: use /join ROOM")
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
            return  # the conversation has ended
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
            waiting = self.queue.waiting
            self._note(f"{waiting} lines are still waiting: type /leave again to leave now")
            self.settled().addCallback(lambda _: self._left(client, room))
        else:
            self._left(client, room)

    def _left(self, client: ChatClient, room: str) -> None:
        self._leaving.discard(room)
        if names.key(room) in map(names.key, client.rooms()):
            client.leave(room)
            self.members.pop(names.key(room), None)
            self._note(f"left {room}")
            self._selectRoom()

    def _selectRoom(self) -> None:
        """
        Select another room if the user has left the current one.
        """
        rooms = self._client.rooms() if self._client else []
        if self.room is not None and names.key(self.room) not in map(names.key, rooms):
            self.room = rooms[-1] if rooms else None

    def _here(self) -> ChatClient | None:
        """
        @return: the client, if it is connected and in a room. Otherwise the user is notified
        """
        if self._client is None or not self._client.connected:
            self._note("not connected: the command was not sent")
            return None
        if self.room is None:
            self._note("you are not in a room: use /join ROOM")
            return None
        return self._client

    def _who(self, rest: str) -> None:
        client = self._here()
        if client is not None and self.room is not None:
            client.who(self.room)

    def _history(self, rest: str) -> None:
        client = self._here()
        if client is not None and self.room is not None:
            self.history.typed(client, self.room, rest).addCallback(self._loaded)

    def _loaded(self, loaded: bool) -> None:
        self.failed = self.failed or not loaded
        self._progress()

    def _moderate(self, command: Callable[[str, str], Command], rest: str) -> None:
        client = self._here()
        if client is not None and self.room is not None:
            client.moderate(command(self.room, rest))

    def _help(self, rest: str) -> None:
        self._noteAll(HELP)

    def _bye(self, rest: str) -> None:
        waiting = self.queue.waiting
        if not waiting or self._goodbye:
            self._quit(1 if waiting or self.failed else 0)
            return
        self._goodbye = True
        self._note(f"{waiting} lines are still waiting: type /quit again to quit now")
        self.settled().addCallback(lambda _: self._quit(1 if self.failed else 0))

    def settled(self) -> Deferred[None]:
        """
        @return: fires when the outcome of all lines is known
        """
        settled: Deferred[None] = Deferred()
        if self.queue.waiting:
            self._settled.append(settled)
        else:
            settled.callback(None)
        return settled

    def _lineSettled(self) -> None:
        if not self.queue.waiting:
            waiting, self._settled = self._settled, []
            for each in waiting:
                each.callback(None)
        self._progress()

    def received(self, event: Event) -> None:
        """
        Show an event.
        """
        receive = _RECEIVE.get(type(event))
        if receive is not None:
            receive(self, event)

    def _message(self, event: Message) -> None:
        self.history.shown(event)
        several = self._client is not None and len(self._client.rooms()) > 1
        room = printableName(event.room) if several else None
        sender = printableName(event.sender)
        self._show(Line(self._escape(event.text), sender, room, event.at))

    def _joinedRoom(self, event: Joined) -> None:
        self.members[names.key(event.room)] = event.count
        self.history.joined(event)
        if event.recovered is None:
            self._noteAll(texts.joined(event))

    def _moved(self, event: Moved) -> None:
        self.history.moved(event)
        self._noteAll(texts.moved(event))

    def _leftRoom(self, event: Left) -> None:
        if event.reason is not None:
            self._note(f"removed from {event.room}: {event.reason}")
        self.members.pop(names.key(event.room), None)
        self._selectRoom()

    def _presence(self, event: Presence) -> None:
        if names.key(event.room) in self.members:
            self.members[names.key(event.room)] = event.count
            self._noteAll(texts.presence(event, self._client.nick if self._client else ""))

    def _connected(self, event: Connected) -> None:
        self._reasons.clear()
        self._note("connected")

    def _notConnected(self, event: Failed) -> None:
        self._noteOnce(texts.failed(event))
        if not event.retry:
            self.failed = True
            self._quit(1)

    def _lost(self, event: Lost) -> None:
        if event.retry:
            self._noteOnce("connection lost, reconnecting")
        else:
            self._quit(1)

    def _ended(self, event: Bye) -> None:
        self.failed = self.failed or not event.reconnect
        self._noteOnce(f"the server closed the connection: {event.reason}")

    def _error(self, event: Error) -> None:
        text = f"{event.code}: {event.text}"
        if self._client is not None and self._client.connected:
            self._note(text)
        else:
            self._noteOnce(text)

    def _noteOnce(self, text: str) -> None:
        """
        Show a text that may repeat with each attempt to connect. It is shown only once until the
        client is connected.
        """
        if text not in self._reasons and len(self._reasons) < MAX_REASONS:
            self._reasons.add(text)
            self._note(text)

    def _refused(self, failure: Failure) -> None:
        self.failed = True
        self._note(f"refused: {texts.refusal(failure)}")

    def _lineRefused(self, line: QueuedLine, failure: Failure) -> None:
        self.failed = True
        if failure.check(Ended) or self.queue.failed > MAX_REPORTED:
            return  # their number is reported at the end
        where = f"line {line.number}" if line.number else line.text[:60]
        self._note(f"{texts.outcome(failure)} ({where})")
        if self.queue.failed == MAX_REPORTED:
            self._note("further refused lines are only counted")

    def _noteAll(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._note(line)

    def _note(self, text: str) -> None:
        self._show(Line(printable(text)))


_COMMANDS: dict[str, Callable[[Conversation, str], None]] = {
    "join": Conversation._join,
    "leave": Conversation._leave,
    "who": Conversation._who,
    "history": Conversation._history,
    "help": Conversation._help,
    "quit": Conversation._bye,
}

#: The names of all commands, in alphabetical order.
COMMAND_NAMES = sorted([*_COMMANDS, *MODERATION])

_RECEIVE: dict[type[Any], Callable[[Conversation, Any], None]] = {
    Message: Conversation._message,
    Joined: Conversation._joinedRoom,
    Left: Conversation._leftRoom,
    Presence: Conversation._presence,
    Members: lambda conversation, event: conversation._note(texts.members(event)),
    SanctionList: lambda conversation, event: conversation._noteAll(texts.sanctions(event)),
    Moved: Conversation._moved,
    Gap: lambda conversation, event: conversation._note(texts.gap(event)),
    Connected: Conversation._connected,
    Failed: Conversation._notConnected,
    Lost: Conversation._lost,
    Bye: Conversation._ended,
    Error: Conversation._error,
}
