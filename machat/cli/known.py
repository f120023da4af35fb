"""
The rooms that the user is in, as far as the client knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from machat import names
from machat.cli.unread import Unread
from machat.entries import Entry
from machat.events import Joined, Members, Presence, RoomState

#: The maximum number of names that are remembered of a room.
MAX_NAMES = 1_000

#: The time for which a member is shown as typing, seconds. Clients report it every three seconds.
TYPING = 6.0

#: The maximum number of members that are shown as typing at the same time.
MAX_TYPING = 3


@dataclass
class KnownRoom:
    """
    A room that the user is in.

    @ivar count: the number of members
    @ivar topic: the topic; C{None} if there is none
    @ivar people: the names of members, by key
    @ivar unread: the messages of others that the user has not read
    @ivar typing: the names that are typing, and the time until which they are shown
    """

    count: int = 0
    topic: str | None = None
    people: dict[str, str] = field(default_factory=dict)
    unread: Unread = field(default_factory=Unread)
    typing: dict[str, float] = field(default_factory=dict)

    def arrived(self, people: Iterable[str] | None) -> None:
        """
        Remember members.
        """
        for name in people or ():
            if len(self.people) < MAX_NAMES:
                self.people[names.key(name)] = name

    def gone(self, people: Iterable[str] | None) -> None:
        """
        Forget members.
        """
        for name in people or ():
            self.people.pop(names.key(name), None)
            self.typing.pop(name, None)


class KnownRooms:
    """
    The rooms that the user is in. Events of other rooms change nothing.

    @ivar quiet: the keys of the rooms whose old messages are not shown until the user switches to
        them
    @ivar blocked: the names whose direct messages the user refuses
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """
        @param seconds: the clock
        """
        self.quiet: set[str] = set()
        self.blocked: tuple[str, ...] = ()
        self._conversations: dict[str, str] = {}
        self._seconds = seconds
        self._rooms: dict[str, KnownRoom] = {}

    def get(self, room: str) -> KnownRoom:
        """
        @return: what is known of a room; nothing if the user is not in it
        """
        return self._rooms.get(names.key(room)) or KnownRoom()

    def conversations(self, rooms: Iterable[str]) -> bool:
        """
        Remember direct conversations.

        @return: whether there is a new one among them
        """
        new = {names.key(room): room for room in rooms if names.partners(room) is not None}
        more = not new.keys() <= self._conversations.keys()
        if len(self._conversations) + len(new) <= 2 * MAX_NAMES:
            self._conversations.update(new)
        return more

    def partners(self, own: str) -> list[str]:
        """
        @param own: the user's own name
        @return: the names of those with whom the user has direct conversations
        """
        pairs = [names.partners(room) for room in self._conversations.values()]
        own = names.key(own)
        return [two if names.key(one) == own else one for one, two in filter(None, pairs)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def joined(self, event: Joined) -> None:
        """
        Record that the user has joined.
        """
        room = self._rooms.setdefault(names.key(event.room), KnownRoom())
        if self.isQuiet(event.room) and event.read is None:
            event = replace(event, read=0)
        room.count, room.topic = event.count, event.topic
        room.unread.joined(event)
        self.conversations([event.room])
        room.people.clear()
        room.arrived(event.members)

    def isQuiet(self, room: str) -> bool:
        """
        @return: whether only new messages of a room are shown
        """
        return names.key(room) in self.quiet

    def left(self, room: str) -> None:
        """
        Record that the user has left.
        """
        self._rooms.pop(names.key(room), None)
        self.quiet.discard(names.key(room))

    def presence(self, event: Presence) -> bool:
        """
        Record who has joined and left.

        @return: whether the user is in the room
        """
        room = self._rooms.get(names.key(event.room))
        if room is not None:
            room.count = event.count
            room.gone(event.left)
            room.arrived(event.joined)
        return room is not None

    def members(self, event: Members) -> None:
        """
        Record the members.
        """
        room = self.get(event.room)
        room.count = event.count
        room.arrived(event.members)

    def changed(self, event: RoomState) -> None:
        """
        Record the topic.
        """
        self.get(event.room).topic = event.topic

    def typing(self, room: str, name: str) -> None:
        """
        Record that a member is typing.
        """
        found = self.get(room).typing
        now = self._seconds()
        for each in [each for each, until in found.items() if until <= now]:
            del found[each]
        if name in found or len(found) < MAX_TYPING:
            found[name] = now + TYPING

    def posted(self, entry: Entry) -> None:
        """
        Record an entry. Its sender has stopped typing.
        """
        room = self.get(entry.room)
        room.typing.pop(entry.sender, None)
        room.unread.top = max(room.unread.top, entry.seq)

    def typists(self, room: str) -> str:
        """
        @return: a text about the members who are typing; empty if there are none
        """
        now = self._seconds()
        found = [name for name, until in self.get(room).typing.items() if until > now]
        if not found:
            return ""
        return f"{', '.join(found)} {'are' if len(found) > 1 else 'is'} typing"
