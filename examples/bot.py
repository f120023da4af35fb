#!/usr/bin/env python3
"""
An application whose own code sits in a room: a bot that answers C{!time}::

    python examples/bot.py --tcp tcp:8989 --room dev
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from twisted.application import strports
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from zope.interface import implementer

from machat.errors import Disconnect
from machat.events import Message
from machat.interfaces import IChatMember, IChatRoom
from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.wire import TYPED


@implementer(IChatMember)
class TimeBot:
    """
    A member without a connection: it hears the messages as Python objects.
    """

    name = "clock"
    dialect = TYPED

    def __init__(self, chat: IChatRoom) -> None:
        self._chat = chat

    def deliver(self, batch: Sequence[Message]) -> None:
        for message in batch:
            if message.text == "!time":
                now = datetime.fromtimestamp(self._chat.clock.seconds(), timezone.utc)
                self._chat.say(self, message.room, f"It is {now:%H:%M:%S} UTC, {message.sender}.")

    def removed(self, room: str, reason: str) -> None:
        print(f"Out of {room}: {reason}.")

    def disconnected(self, end: Disconnect) -> None:
        print(f"The chat is over: {end.reason}.")


async def main(reactor: Any, tcp: str, room: str) -> None:
    chat = ChatService(reactor)
    strports.service(tcp, ChatFactory(chat)).setServiceParent(chat)
    await chat.join(TimeBot(chat), room)
    chat.startService()
    reactor.addSystemEventTrigger("before", "shutdown", chat.stopService)
    await Deferred()  # until the process is told to stop


if __name__ == "__main__":
    parser = ArgumentParser(description="A chat with a bot in it.")
    parser.add_argument("--tcp", default="tcp:8989:interface=127.0.0.1", help="the endpoint")
    parser.add_argument("--room", default="lounge", help="where the bot sits")
    arguments = parser.parse_args()
    react(lambda r: Deferred.fromCoroutine(main(r, arguments.tcp, arguments.room)))
