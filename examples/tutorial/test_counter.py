"""
Tests of the bot, without sockets.
"""

from counter import Counter
from twisted.trial.unittest import SynchronousTestCase

from machat.testing import MemoryChat


class CounterTests(SynchronousTestCase):
    def test_count(self):
        """
        The bot counts the messages of other members.
        """
        chat = MemoryChat()
        chat.service.join(Counter(chat.service), "dev")
        mina = chat.tcp("Mina", "dev")
        mina.send("hello")
        mina.send("!count")
        chat.turn()
        chat.turn()
        self.assertEqual(mina.received(), ["Mina:hello", "Mina:!count", "counter:2 so far."])
