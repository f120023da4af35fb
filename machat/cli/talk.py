"""
The state of a conversation: its connection, its rooms, and what is on the screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat import names
from machat.cli import texts
from machat.cli.away import Away
from machat.cli.confirmations import Confirmations
from machat.cli.display import Line, printable, printableName
from machat.cli.history import HistoryReader
from machat.cli.known import KnownRooms
from machat.cli.listing import RoomPages
from machat.cli.notes import Notes
from machat.cli.pages import Pages
from machat.cli.posting import Posting
from machat.cli.reading import ReadMarkers
from machat.cli.searching import SearchPages
from machat.cli.settings import Settings
from machat.cli.view import EntryView
from machat.client import ChatClient, Ended
from machat.client.sendqueue import QueuedLine, SendQueue
from machat.events import Joined, Message

#: The number of a room's messages to show on the first join.
HISTORY = 20

#: The time between two reports that the user is typing, seconds.
TYPING_INTERVAL = 3.0


class Talk:
    """
    The state of one conversation.

    @ivar client: the client; C{None} before C{begin}
    @ivar quit: called with the exit status at the end
    @ivar progress: called each time the outcome of a line is known
    @ivar notes: shows texts of the client itself
    @ivar view: shows the entries of the rooms
    @ivar goodbye: whether the user has asked to quit while lines are waiting
    @ivar room: the room that receives typed lines; C{None} if there is none
    @ivar known: the rooms that the user is in
    @ivar confirmations: commands that wait for their answers
    @ivar away: finds out when the user is away
    @ivar reading: sends read markers
    @ivar settings: what is shown
    @ivar history: loads older messages
    @ivar pages: shows the answers with several pages
    @ivar listing: the pages of the list of rooms
    @ivar search: the pages of a search
    """

    def __init__(
        self,
        show: Callable[[Line], object],
        quit: Callable[[int], object],
        escape: Callable[[str], str] = printable,
        settings: Settings | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        @param show: called with each line to show
        @param quit: called with the exit status at the end
        @param escape: escapes a line of a message. The other texts are always escaped
        @param seconds: the clock
        """
        self.quit = quit
        self.client: ChatClient | None = None
        self._posting: Posting | None = None
        self.progress: Callable[[], object] = lambda: None
        self.goodbye = False
        self._leaving: set[str] = set()
        self._failed = False
        self.notes = Notes(show)
        self.view = EntryView(show, self.nick, self._shownRoom, escape)
        self.settings = settings or Settings()
        self.history = HistoryReader(self._showOlder, self.note)
        self.pages = Pages(self.note)
        self.listing = RoomPages(self.note)
        self.search = SearchPages(lambda message: self.view.message(message, False), self.note)
        self.known = KnownRooms(seconds)
        self.away = Away(seconds)
        self.reading = ReadMarkers(seconds)
        self.confirmations = Confirmations()
        self._seconds = seconds
        self._nextTyping = 0.0
        self.room: str | None = None

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
        self.client = client
        self.progress = progress
        self._posting = Posting(client, self.note, progress)
        client.startService()
        return [self.joinRoom(client, room) for room in rooms]

    @property
    def queue(self) -> SendQueue:
        """
        The entries that are not acknowledged. There is none before C{begin}.
        """
        return self._post.queue

    @property
    def _post(self) -> Posting:
        if self._posting is None:
            raise RuntimeError("the conversation has not begun")
        return self._posting

    @property
    def failed(self) -> bool:
        """
        Whether anything was refused, or the server has asked the client not to reconnect.
        """
        return self._failed or (self._posting is not None and self._posting.failed)

    @failed.setter
    def failed(self, failed: bool) -> None:
        self._failed = failed

    def settled(self) -> Deferred[None]:
        """
        @return: fires when the outcome of all entries is known
        """
        return self._post.settled()

    @property
    def status(self) -> str:
        """
        The state of the connection and the current room, in a few words.
        """
        waiting = f"{self.queue.waiting} waiting" if self.client and self.queue.waiting else ""
        if self.client is None or not self.client.connected:
            return ", ".join(filter(None, ("not connected", waiting)))
        if self.room is None:
            return "not in a room"
        others = [self._unread(room) for room in self.client.rooms() if room != self.room]
        also = f"also in {', '.join(others)}" if others else ""
        here = f"{self.room}: {self.known.get(self.room).count} here"
        typing = self.known.typists(self.room)
        return printable(", ".join(filter(None, (here, also, typing, waiting))))

    def _unread(self, room: str) -> str:
        unread = str(self.known.get(room).unread)
        return f"{room} ({unread} new)" if unread else room

    def say(self, text: str, number: int = 0) -> None:
        """
        Send a text as a message, even if it begins with a slash.

        @param number: the number of the line in a longer input
        """
        if self.client is None or self.room is None:
            self.failed = True
            self.note("you are not in a room: use /join ROOM")
            return
        self.queue.add(QueuedLine(self.room, text, number))

    @property
    def loading(self) -> bool:
        """
        Whether the answer to a request for messages or rooms is awaited.
        """
        return self.history.loading or self.pages.loading

    @property
    def ready(self) -> bool:
        """
        Whether a message can be sent at once, because the current room is joined.
        """
        client = self.client
        return client is not None and self.room is not None and client.joined(self.room)

    def join(self, rest: str) -> None:
        """
        Join a room, or switch to it.

        @param rest: the name of the room, and the key if the room needs one
        """
        room, _, key = rest.partition(" ")
        if not room:
            self.note("the name of the room is missing: use /join ROOM")
        elif self.client is not None:
            self.joinRoom(self.client, room, key.strip() or None)

    def joinRoom(self, client: ChatClient, room: str, key: str | None = None) -> Deferred[None]:
        """
        @return: fires when the room was joined or refused
        """
        self.room = room
        self.known.get(room).unread.clear()
        if self.known.isQuiet(room):
            self.known.quiet.discard(names.key(room))
            if client.joined(room):
                self.history.typed(client, room, str(HISTORY))
        return client.join(room, HISTORY, key).addCallbacks(self._joined, self._notJoined)

    def _joined(self, joined: Joined) -> None:
        if self.isCurrent(joined.room):
            self.room = joined.room

    def _notJoined(self, failure: Failure) -> None:
        if failure.check(Ended):
            return  # the conversation has ended
        rooms = self.client.rooms() if self.client else []
        self.room = rooms[-1] if rooms else None
        self.refused(failure)

    def leave(self) -> None:
        """
        Leave the current room when all lines are acknowledged; at once, if this was called before.
        """
        client = self.here()
        room = self.room
        if client is None or room is None:
            return
        if self.queue.waiting and room not in self._leaving:
            self._leaving.add(room)
            waiting = self.queue.waiting
            self.note(f"{waiting} lines are still waiting: type /leave again to leave now")
            self.settled().addCallback(lambda _: self._left(client, room))
        else:
            self._left(client, room)

    def _left(self, client: ChatClient, room: str) -> None:
        self._leaving.discard(room)
        if names.key(room) in map(names.key, client.rooms()):
            client.leave(room)
            self.forget(room)
            self.note(f"left {room}")
            self.selectRoom()

    def forget(self, room: str) -> None:
        """
        Forget a room that the user has left.
        """
        self.known.left(room)
        self.view.shown.forget(room)

    def selectRoom(self) -> None:
        """
        Select another room if the user has left the current one.
        """
        rooms = self.client.rooms() if self.client else []
        if self.room is not None and names.key(self.room) not in map(names.key, rooms):
            self.room = rooms[-1] if rooms else None

    def here(self) -> ChatClient | None:
        """
        @return: the client, if it is connected and in a room. Otherwise the user is notified
        """
        if self.client is None or not self.client.connected:
            self.note("not connected: the command was not sent")
            return None
        if self.room is None:
            self.note("you are not in a room: use /join ROOM")
            return None
        return self.client

    def _showOlder(self, message: Message) -> None:
        self.history.shown(message)
        self.view.message(message, False)

    def loaded(self, loaded: bool) -> None:
        """
        Record the outcome of a request for messages or rooms.
        """
        self.failed = self.failed or not loaded
        self.progress()

    def refused(self, failure: Failure) -> None:
        """
        Show a refusal.
        """
        self.failed = True
        self.note(f"refused: {texts.refusal(failure)}")

    def nick(self) -> str:
        """
        @return: the user's own name
        """
        return self.client.nick if self.client is not None else ""

    def isCurrent(self, room: str) -> bool:
        """
        @return: whether this is the room that receives typed lines
        """
        return self.room is not None and names.key(room) == names.key(self.room)

    def _shownRoom(self, room: str) -> str | None:
        several = self.client is not None and len(self.client.rooms()) > 1
        return printableName(room) if several else None

    def markRead(self, last: bool = False) -> None:
        """
        Note that the user has read the current room, unless the user is away.

        @param last: whether this is the last opportunity
        """
        if self.client is not None and self.room is not None and not self.away.absent:
            unread = self.known.get(self.room).unread
            self.reading.send(self.client, self.room, unread, last)

    def typing(self) -> None:
        """
        Report to the other members that the user is typing, at most every three seconds.
        """
        now = self._seconds()
        if self.client is None or self.room is None or now < self._nextTyping:
            return
        if self.settings.typing and self.client.joined(self.room):
            self._nextTyping = now + TYPING_INTERVAL
            self.client.typing(self.room)

    def note(self, text: str) -> None:
        """
        Show a text of the client itself.
        """
        self.notes.add(text)
