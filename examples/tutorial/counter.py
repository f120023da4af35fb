"""
A chat server with a bot that counts messages.
"""

from twisted.application import service, strports
from twisted.internet import reactor

from machat.events import Message
from machat.member import Member
from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.ws import ChatWebSocketFactory


class Counter(Member):
    """
    Counts the messages of other members. Replies to C{!count} with the number.
    """

    said = 0

    def __init__(self, chat):
        super().__init__("counter")
        self._chat = chat

    def heard(self, event):
        if isinstance(event, Message) and event.sender != self.name:
            self.said += 1
            if event.text == "!count":
                self._chat.say(self, event.room, f"{self.said} so far.")


application = service.Application("chat")
chat = ChatService(reactor)
chat.setServiceParent(application)
chat.join(Counter(chat), "dev")
local = "interface=127.0.0.1"
strports.service(f"tcp:8989:{local}", ChatFactory(chat)).setServiceParent(chat)
strports.service(f"tcp:8099:{local}", ChatWebSocketFactory(chat)).setServiceParent(chat)
