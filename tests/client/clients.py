"""
A chat with one client for tests.
"""

from __future__ import annotations

from math import inf
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from machat.events import Event, Message
from machat.limits import Limits
from machat.testing import MemoryChat


class ClientTestCase(SynchronousTestCase):
    limits = Limits(rate=inf, logMessages=5)

    def setUp(self) -> None:
        self.chat = MemoryChat(self.limits)
        self.events: list[Event] = []
        self.mina = self.chat.client("Mina", self.events.append)
        self.ada = self.chat.member("Ada", "dev")
        self.joined = self.mina.join("dev")
        self.settle()

    def settle(self, seconds: float = 0) -> None:
        """
        Deliver all data, and advance the clock.
        """
        for _ in range(8):
            self.chat.turn()
        if seconds:
            self.chat.clock.pump([0.5] * int(seconds * 2))

    def say(self, *texts: str) -> None:
        """
        Post a message from Ada.
        """
        for text in texts:
            self.chat.service.say(self.ada, "dev", text)
            self.settle()

    def heard(self, *kinds: type[Event]) -> list[Any]:
        """
        @return: the events of these types since the last call
        """
        events, self.events[:] = list(self.events), []
        return [event for event in events if isinstance(event, kinds)]

    def texts(self) -> list[str]:
        return [f"{event.sender}:{event.text}" for event in self.heard(Message)]
