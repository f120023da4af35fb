"""
A WebSocket echo server on MaChat's WebSocket protocol: C{python -m tools.echo}. Conformance tests
for RFC 6455 need such a server.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor

from machat.errors import ChatError
from machat.http.origins import Hosts, Origins
from machat.http.site import Site
from machat.interfaces import IChatRoom
from machat.limits import Limits
from machat.service import ChatService
from machat.ws import SUBPROTOCOL, ChatWebSocketFactory, ChatWebSocketProtocol

#: Large enough for the largest messages of conformance tests, and for many of them in the queue.
LIMITS = Limits(maxLine=2**24, maxWaiting=2**28)


class NoInbox:
    """
    An inbox that never holds the connection and charges nothing.
    """

    conversation = None
    held = False
    reads = True

    def charge(self, tokens: float) -> None:
        pass


class NoSession:
    """
    A session that treats each message as part of the hello, and sends nothing.
    """

    awaitsHello = True
    ended = False

    def __init__(self) -> None:
        self.inbox = NoInbox()

    def refuseLast(self, error: ChatError) -> None:
        pass

    def goodbye(self) -> None:
        pass

    def connectionLost(self) -> None:
        pass


class Echo(ChatWebSocketProtocol):
    """
    Reads messages in the same way as the chat, and sends each one back.
    """

    def makeConnection(self, transport: Any) -> None:
        super().makeConnection(transport)
        self._session.connectionLost()
        self._session: Any = NoSession()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class EchoFactory(ChatWebSocketFactory):
    """
    Builds L{Echo} protocols that use as little memory as the chat's. It serves them at C{/}.
    """

    def __init__(self, chat: IChatRoom) -> None:
        super().__init__(chat)
        self.site = Site("/", SUBPROTOCOL, None, Origins(), Hosts())
        self.protocol = type("LeanEcho", (Echo, self.protocol), {})


def main() -> None:
    """
    Serve on a free port of the loopback interface, and print the port.
    """
    factory = EchoFactory(ChatService(reactor, LIMITS))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    address: Any = port.getHost()
    print(f"echoing on {address.port}", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
