#!/usr/bin/env python3
"""
A bot in twenty lines. It answers C{!time}, and reconnects whenever the connection is lost::

    python examples/client_bot.py localhost:8989 dev
"""

import sys
import time

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from machat.client import ChatClient
from machat.events import Message


async def main(reactor, address, room):
    def heard(event):
        if isinstance(event, Message) and event.text == "!time":
            bot.say(event.room, f"It is {time.strftime('%H:%M:%S')}, {event.sender}.")

    bot = ChatClient(reactor, address, "clock", heard)
    bot.startService()
    reactor.addSystemEventTrigger("before", "shutdown", bot.stopService)
    await bot.join(room)
    await Deferred()  # never fires: the process runs until it is stopped


react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
