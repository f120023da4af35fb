"""
An application's callbacks call the chat that calls them.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.events import Event, Message, Receipt
from machat.member import Member
from machat.testing import MemoryChat


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
