#!/usr/bin/env python3
"""
A chat server with a bot inside the process. The bot answers C{!time}::

    python examples/bot.py --tcp tcp:8989 --room dev
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timezone
from typing import Any

from twisted.application import strports
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from machat.errors import Disconnect
from machat.events import Event, Left, Message
from machat.interfaces import IChatRoom
from machat.member import Member
from machat.service import ChatService
from machat.tcp import ChatFactory


class TimeBot(Member):
    """
    A member without a connection. It receives events as Python objects.
    """

    def __init__(self, chat: IChatRoom) -> None:
        super().__init__("clock")
        self._chat = chat

    def heard(self, event: Event) -> None:
        if isinstance(event, Message) and event.text == "!time":
            now = datetime.fromtimestamp(self._chat.clock.now(), timezone.utc)
            self._chat.say(self, event.room, f"It is {now:%H:%M:%S} UTC, {event.sender}.")
        elif isinstance(event, Left):
            print(f"Left {event.room}: {event.reason}.")

    def disconnected(self, end: Disconnect) -> None:
        print(f"Disconnected: {end.reason}.")


async def main(reactor: Any, tcp: str, room: str) -> None:
    chat = ChatService(reactor)
    strports.service(tcp, ChatFactory(chat)).setServiceParent(chat)
    await chat.join(TimeBot(chat), room)
    chat.startService()
    reactor.addSystemEventTrigger("before", "shutdown", chat.stopService)
    await Deferred()  # never fires: the process runs until it is stopped


if __name__ == "__main__":
    parser = ArgumentParser(description="Run a chat server with a bot inside the process.")
    parser.add_argument("--tcp", default="tcp:8989:interface=127.0.0.1", help="the TCP endpoint")
    parser.add_argument("--room", default="lounge", help="the room that the bot joins")
    arguments = parser.parse_args()
    react(lambda r: Deferred.fromCoroutine(main(r, arguments.tcp, arguments.room)))
