"""
Tests for direct messages, blocks, read markers and the list of rooms of L{machat.client}, with a
server.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.realm import ChatRealm
from machat.client import ChatClient
from machat.commands import Auth
from machat.errors import ChatError
from machat.events import Event, ListedRoom, Message, ReadMark
from machat.testing import MemoryChat

ROOM = "@Ada,Mina"


class DirectTests(SynchronousTestCase):
    """
    Mina and Ada have accounts.
    """

    def setUp(self) -> None:
        checker = InMemoryUsernamePasswordDatabaseDontUse(Mina=b"secret", Ada=b"secret")
        self.chat = MemoryChat(portal=Portal(ChatRealm(), [checker]))
        self.heard: list[Event] = []
        self.mina = self.client("Mina")
        self.ada = self.client("Ada", self.heard.append)
        self.settle()

    def client(self, name: str, listener: Any = lambda event: None) -> ChatClient:
        """
        @return: a client that has logged in
        """
        client = self.chat.client(name, listener, lambda: Auth(password="secret"))
        self.addCleanup(client.stopService)
        return client

    def settle(self, seconds: int = 2) -> None:
        """
        Let some time pass.
        """
        for _ in range(10 * seconds):
            self.chat.clock.advance(0.1)

    def result(self, waiting: Any) -> Any:
        """
        @return: the result of a command
        """
        self.settle()
        return self.successResultOf(waiting)

    def code(self, waiting: Any) -> str:
        """
        @return: the code of a refusal
        """
        self.settle()
        error = self.failureResultOf(waiting, ChatError).value
        assert isinstance(error, ChatError)
        return error.code

    def texts(self) -> list[str]:
        """
        @return: the messages that Ada has received
        """
        return [each.text for each in self.heard if isinstance(each, Message)]

    def test_direct(self) -> None:
        """
        A direct message is delivered, also after a reconnect and a restart, once.
        """
        self.assertEqual(self.result(self.mina.direct("Ada", "one")).room, ROOM)
        self.assertEqual(self.ada.rooms(), [ROOM])
        self.assertEqual(self.result(self.ada.direct("mina", "two")).seq, 2)
        self.chat.restart()
        waiting = self.mina.direct("ADA", "three")
        self.settle(10)
        self.assertEqual(self.successResultOf(waiting).seq, 3)
        self.assertEqual(self.texts(), ["one", "two", "three"])

    def test_refused(self) -> None:
        """
        A message that is refused fails with the code.
        """
        self.assertEqual(self.code(self.mina.direct("Nobody", "x")), "bad-name")
        self.assertEqual(self.code(self.mina.direct("a b", "x")), "bad-name")
        self.assertEqual(self.code(self.mina.direct("MINA", "x")), "bad-name")
        self.result(self.ada.block("Mina"))
        self.assertEqual(self.code(self.mina.direct("Ada", "x")), "not-allowed")
        self.result(self.ada.block("Mina", False))
        self.result(self.mina.direct("Ada", "one"))
        self.assertEqual(self.texts(), ["one"])

    def test_read(self) -> None:
        """
        A marker is reported to the other clients of the user.
        """
        phone: list[Event] = []
        self.client("Mina", phone.append)
        self.result(self.mina.direct("Ada", "one"))
        self.assertEqual(self.result(self.mina.markRead(ROOM, 1)).seq, 1)
        self.assertIn(ReadMark(room=ROOM, seq=1), phone)
        self.assertEqual(self.code(self.mina.markRead(ROOM, 9)), "no-such-message")

    def test_listRooms(self) -> None:
        """
        A client reads the list of rooms.
        """
        self.chat.service.listing.patterns = ("*",)
        self.mina.join("tea")
        self.mina.join("dev")
        self.settle()
        found = self.result(self.ada.listRooms(prefix="T"))
        self.assertEqual(found.rooms, (ListedRoom(name="tea", count=1),))
        self.assertFalse(found.more)
