"""
An application's callbacks call the chat that calls them.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from machat.events import Event, Joined, Message, Receipt
from machat.member import Member
from machat.testing import MemoryChat, MemoryClient


class HeardTests(SynchronousTestCase):
    """
    A member answers from inside C{heard}.
    """

    def test_post(self) -> None:
        """
        An answer that is posted there has its own number, however long the conversation, and the
        chat stops afterwards.
        """
        chat = MemoryChat()
        receipts: list[Receipt] = []

        class Bot(Member):
            def heard(self, event: Event) -> None:
                if isinstance(event, Message) and event.sender == "Mina":
                    chat.service.post(self, event.room, "hello").addCallback(receipts.append)

        self.successResultOf(chat.service.join(Bot("bot"), "dev"))
        mina = chat.tcp("Mina", "dev")
        for _ in range(40):
            mina.send("hi")
            chat.clock.advance(1)
            chat.turn()
            self.assertEqual(mina.received(), ["Mina:hi", "bot:hello"])
        self.assertEqual([receipt.seq for receipt in receipts], list(range(2, 81, 2)))
        self.successResultOf(chat.service.stopService())

    def test_stop(self) -> None:
        """
        A stop that is asked for there lets the batch reach everybody, then what else was said in
        this turn, in any room.
        """
        chat = MemoryChat()
        stops: list[Deferred[None]] = []

        class Bot(Member):
            def heard(self, event: Event) -> None:
                if isinstance(event, Message) and event.text == "stop":
                    chat.service.say(self, "dev", "going")
                    stops.append(chat.service.stopService())

        self.successResultOf(chat.service.join(Bot("bot"), "dev"))
        mina, ada = chat.member("Mina", "dev"), chat.member("Ada", "lounge")
        chat.service.say(mina, "dev", "stop")
        chat.service.say(ada, "lounge", "last words")
        chat.turn()
        self.assertEqual(mina.received(), ["Mina:stop", "bot:going"])
        self.assertEqual(ada.received(), ["Ada:last words"])
        self.successResultOf(stops[0])

    def test_comeBack(self) -> None:
        """
        One who is made to leave there and comes back at once begins after that batch; so does one
        who comes then for the first time, in whatever dialect.
        """
        chat = MemoryChat()
        text: list[MemoryClient] = []

        class Bot(Member):
            def heard(self, event: Event) -> None:
                if isinstance(event, Message) and event.seq == 1:
                    chat.service.leave(ada, "dev")
                    chat.service.join(ada, "dev").addCallback(joined.append)
                    text.append(chat.tcp("Text", "dev"))

        joined: list[Joined] = []
        self.successResultOf(chat.service.join(Bot("bot"), "dev"))
        ada, mina = chat.member("Ada", "dev"), chat.member("Mina", "dev")
        chat.service.say(mina, "dev", "one")
        chat.turn()
        chat.service.say(mina, "dev", "two")
        chat.turn()
        self.assertEqual(joined[0].seq, 1)
        self.assertEqual((ada.received(), text[0].received()), (["Mina:two"], ["Mina:two"]))
