"""
Tests for L{machat.rooms.listing}, and for the command C{rooms}.
"""

from __future__ import annotations

from typing import Any

from machat import names
from machat.auth.users import User
from machat.errors import NOT_JOINED
from machat.events import RoomList
from machat.testing import MemoryMember
from tests.session.test_events import EventsTestCase, OnWebSocket

MODERATOR = User(name="Mod", mod=("*",))


class ListingTests(EventsTestCase):
    """
    Tests for the list of one process.
    """

    def setUp(self) -> None:
        super().setUp()
        self.mina = self.client()

    def rooms(self, **fields: Any) -> list[dict[str, Any]]:
        """
        @return: the rooms in the answer to Mina. C{more} is whether there are more
        """
        answer = self.ask(self.mina, type="rooms", **fields)
        self.assertEqual(answer["type"], "rooms")
        self.more = answer["more"]
        found: list[dict[str, Any]] = answer["rooms"]
        return found

    def names(self, **fields: Any) -> list[str]:
        """
        @return: the names of these rooms
        """
        return [each["name"] for each in self.rooms(**fields)]

    def list(self, room: str, listed: bool = True) -> None:
        """
        List a room as the application.
        """
        self.successResultOf(self._listing(room, listed))

    def _listing(self, room: str, listed: bool) -> Any:
        listing = self.chat.service.moderation.setListed(room, listed)
        self.chat.turn()
        return listing

    def test_default(self) -> None:
        """
        By default, no room is listed. A moderator lists a room and removes it.
        """
        self.assertEqual(self.rooms(), [])
        self.chat.member("Ada", "dev")
        self.list("dev")
        self.assertEqual(self.rooms(id="7"), [{"name": "dev", "count": 2}])
        self.assertFalse(self.more)
        self.chat.service.moderation.setTopic("dev", "Tea")
        self.chat.turn()
        self.mina.received()
        self.assertEqual(self.rooms(), [{"name": "dev", "count": 2, "topic": "Tea"}])
        self.list("DEV", False)
        self.mina.received()
        self.assertEqual(self.rooms(), [])

    def test_command(self) -> None:
        """
        A moderator's command lists a room, and is announced in it once.
        """
        mod = MemoryMember("Mod")
        mod.user = MODERATOR
        self.successResultOf(self.chat.service.join(mod, "dev"))
        for _ in range(2):
            setting = self.chat.service.moderation.setListed("dev", True, mod)
            self.chat.turn()
            self.assertIsNone(self.successResultOf(setting))
        self.assertEqual(mod.received(), ["machat:moderator Mod listed the room"])
        self.assertEqual(self.chat.service.metrics.moderations, {"list": 1})
        error = self.failureResultOf(self._listing("other", True)).value
        self.assertEqual(getattr(error, "code", None), NOT_JOINED)

    def test_patterns(self) -> None:
        """
        Rooms that match a pattern are listed while they have members, unless a moderator has
        removed them from the list.
        """
        self.chat.service.listing.patterns = ("Public-*",)
        self.chat.member("Ada", "PUBLIC-b")
        ada = self.chat.member("Ada", "public-a")
        self.chat.member("Ada", "private")
        self.assertEqual(self.names(), ["public-a", "PUBLIC-b"])
        self.list("public-b", False)
        self.chat.service.leave(ada, "public-a")
        self.assertEqual(self.names(), [])
        self.chat.member("Bob", "public-b")
        self.assertEqual(self.names(), [])
        self.chat.member("Bob", "public-a")
        self.assertEqual(self.names(), ["public-a"])

    def test_last(self) -> None:
        """
        A listed room is not in the list while it has no members. The store keeps its listing.
        """
        ada = self.chat.member("Ada", "tea")
        self.list("tea")
        self.assertEqual(self.names(), ["tea"])
        self.chat.service.leave(ada, "tea")
        self.assertEqual(self.names(), [])
        self.chat.member("Ada", "TEA")
        self.assertEqual(self.names(), ["tea"])

    def test_pages(self) -> None:
        """
        A client reads the list page by page, with a prefix in any spelling. The room after which a
        page begins need not exist any more.
        """
        self.chat.service.listing.patterns = ("*",)
        spellings = ["Ärger", "ab", "AC", "a", "b", "ad"]
        for name in spellings:
            self.chat.member("Ada", name)
        expected = sorted(spellings, key=names.key)
        self.assertEqual(self.names(), expected)
        found: list[str] = []
        self.more = True
        while self.more:
            found += self.names(limit=2, after=found[-1] if found else "")
        self.assertEqual(found, expected)
        self.assertEqual(self.names(prefix="A"), ["a", "ab", "AC", "ad"])
        self.assertEqual(self.names(prefix="a", after="AB", limit=1), ["AC"])
        self.assertTrue(self.more)
        self.assertEqual(self.names(prefix="a", after="abc"), ["AC", "ad"])
        self.assertEqual(self.names(prefix="b", after="a"), ["b"])
        self.assertEqual(self.names(prefix="a", after="b"), [])
        self.assertEqual(self.names(prefix="x"), [])

    def test_badInput(self) -> None:
        """
        A limit must be from 1 to 100.
        """
        for fields in ({"limit": 0}, {"limit": 101}, {"prefix": 1}, {"after": None}):
            answer = self.ask(self.mina, type="rooms", **fields)
            self.assertEqual((answer["type"], answer["code"]), ("error", "bad-command"))

    def test_before(self) -> None:
        """
        A client need not be in a room.
        """
        self.list("dev")
        bob = self.client("Bob", None)
        self.assertEqual(self.ask(bob, type="rooms")["rooms"], [{"name": "dev", "count": 1}])


class WebSocketListingTests(OnWebSocket, ListingTests):
    """
    The same tests on WebSocket.
    """


class LargeTests(EventsTestCase):
    """
    Tests with many rooms.
    """

    def test_manyRooms(self) -> None:
        """
        With 10,000 rooms, one page looks at no more rooms than it contains.
        """
        listing = self.chat.service.listing
        listing.patterns = ("*",)
        one = self.chat.member("Ada", "r0000")
        looked: list[str] = []
        room = self.chat.service.rooms.get("r0000")
        listing._keys[:] = [f"r{number:04}" for number in range(10_000)]

        def find(key: str) -> Any:
            looked.append(key)
            return room

        listing._find = find
        page: RoomList = self.successResultOf(listing.page("r", "r5000", 9_999))
        self.assertEqual((len(page.rooms), page.more), (100, True))
        self.assertEqual((looked[0], len(looked)), ("r5001", 101))
        self.chat.service.leave(one, "r0000")
        self.assertEqual(len(listing), 9_999)
