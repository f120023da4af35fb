"""
An application that runs a chat as a service::

    twistd -ny examples/chat.tac
"""

from twisted.application import service, strports
from twisted.internet import reactor

from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.ws import ChatWebSocketFactory

application = service.Application("example")

chat = ChatService(reactor)
chat.setServiceParent(application)
strports.service("tcp:8989:interface=127.0.0.1", ChatFactory(chat)).setServiceParent(chat)
strports.service("tcp:8099:interface=127.0.0.1", ChatWebSocketFactory(chat)).setServiceParent(chat)
