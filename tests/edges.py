"""
The targets of L{tools.fuzz}: for each place where outside input enters the chat, a function of
some bytes. A target returns if the input is handled correctly. It raises an exception for any
error: an exception that escaped or was logged, a wrong answer, or something that grows or is left
over.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from itertools import cycle
from sys import getsizeof
from typing import Any, cast

from autobahn.websocket.utf8validator import Utf8Validator
from autobahn.websocket.xormasker import create_xor_masker
from msgspec import Raw
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from machat import errors, wire
from machat.client import ChatClient, Failed, Lost
from machat.errors import ChatError
from machat.events import Error, Event, Joined, Message
from machat.http.handshake import Opening
from machat.http.origins import LOOPBACK, Hosts, Origins
from machat.http.site import Site
from machat.http.static import thePage
from machat.limits import Limits
from machat.store.memory import MemoryStore
from machat.tcp import ChatFactory
from machat.testing import MemoryChat, MemoryTransport, clientRequest
from machat.ws import PATH, SUBPROTOCOL, ChatWebSocketFactory
from tests.oracle import StrictClock, check, known, nothingLogged

#: Small limits, so that every bound is reached.
LIMITS = Limits(
    maxLine=200,
    hello=300,
    head=600,
    maxWaiting=5_000,
    maxHistory=5,
    logMessages=4,
    maxRooms=3,
    maxMembers=4,
    listed=2,
    receipts=3,
    receiptsTotal=5,
)

#: The memory that one connection may hold in addition to its queue, bytes of objects.
HELD = 50_000

#: The maximum size of an answer: the worst is C{history}, which requests five messages.
ANSWERED = 20_000, 300

#: The maximum size of the answer to one HTTP request for a file, in bytes: the header and the page.
FILE = 2_000 + max(len(file.body) for file in thePage().files.values())

#: Every code that a refusal may have.
CODES = {value for name, value in vars(errors).items() if name.isupper() and type(value) is str}

#: The meaning of the bytes that choose the splits: the next piece has so many bytes, and one of
#: L{Conversation}'s acts runs before it.
SIZES = (10_000, 1, 2, 3, 7, 20, 64, 300)
ACTS = ("", "", "turn", "soon", "later", "pause", "resume", "speak")

#: The time within which a client must reconnect, seconds.
DAY = 86_400.0


def orRefused(decode: Callable[..., Any], *arguments: Any) -> Any:
    """
    @return: the decoded value, or C{None} if the input is refused with a code and a text of one
        line
    """
    try:
        return decode(*arguments)
    except ChatError as error:
        check(error.code in CODES and error.text.isprintable(), error.code, error.text)
        wire.EVENTS.encodeEvent(Error(code=error.code, text=error.text, id=error.id))
        return None


def hello(data: bytes) -> None:
    """
    The hello is the same object wherever the stream is split, and is decoded or refused.
    """
    place, data = (data[0] if data else 0), data[1:]
    before, behind = data[:place], data[place:]
    whole, early = orRefused(wire.splitHello, data), orRefused(wire.splitHello, before)
    if early is not None:
        check(whole is not None and whole[0] == early[0], "another object", whole, early)
    elif whole is not None:
        check(not before or wire.mayEnd(behind), "it ended where it may not end", before, behind)
    if whole is not None:
        check(data.endswith(b"".join(whole)), "bytes are lost", whole)
        wire.hasVersion(whole[0])
        orRefused(wire.decodeHello, whole[0], False)
        orRefused(wire.decodeHello, whole[0], True)


def lines(data: bytes) -> None:
    """
    A line is decoded to its text, or refused.
    """
    wire.skipNewline(data)
    for line in data.split(b"\n"):
        text = orRefused(wire.decodeLine, line, LIMITS.maxLine)
        check(text is None or text.encode() == line.removesuffix(b"\r"), line, text)
        check(text is None or wire.isText(line), line)


def commands(data: bytes) -> None:
    """
    A command is refused, or the same after encoding and decoding it again.
    """
    for line in data.split(b"\n"):
        command = orRefused(wire.decodeCommand, line, LIMITS.maxLine)
        if command is not None:
            again = wire.decodeCommand(wire.encodeCommand(command), 10 * LIMITS.maxLine)
            check(again == command, command, again)


def frames(data: bytes) -> None:
    """
    Frames taken off a stream are the same wherever it is split.
    """
    place, data = (data[0] if data else 0), data[1:]
    messages, rest, plain = wire.takeTextFrames(data, LIMITS.maxLine)
    check(data.endswith(rest), "bytes are lost")
    check(all([len(message) <= LIMITS.maxLine for message in messages]), "too long a message")
    check(all([wire.isText(message) for message in messages]), "no text")
    early, between, goesOn = wire.takeTextFrames(data[:place], LIMITS.maxLine)
    if goesOn:
        late, end, _ = wire.takeTextFrames(between + data[place:], LIMITS.maxLine)
        check((messages, rest) == (early + late, end), "cut differently", data, place)
    else:
        check(messages[: len(early)] == early and not plain, "not plain", data, place)


#: The paths of requests.
SITE = Site(PATH, SUBPROTOCOL, thePage(), Origins(["https://*.example.com"]), Hosts(LOOPBACK))


def request(data: bytes) -> None:
    """
    A request is answered by a head of the chat's own words and at most one line, and the log
    contains no control characters.
    """
    reply = SITE.reply(data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    if isinstance(reply, Opening):
        check(reply.answer.endswith(b"\r\n\r\n") and reply.answer.count(b"\r\n") < 7, reply)
        check(reply.answer.isascii() and reply.protocol in (None, SUBPROTOCOL), reply)
        return
    check(reply.log.isascii() and (reply.log + "x").isprintable(), reply.log)
    head, _, body = reply.encode().partition(b"\r\n\r\n")
    check(head.isascii() and head.count(b"\n") == head.count(b"\r\n") < 15, head)
    if reply.answer.fields.get("Content-Type", "").startswith("text/plain"):
        check(body.count(b"\n") <= 1 and body[:-1].decode().isprintable(), body)


@implementer(IStreamClientEndpoint)
class AnyServer:
    """
    The endpoint of a client, to which any data can be sent.

    @ivar transport: the transport of the last connection
    """

    transport: MemoryTransport

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        @return: a Deferred that has fired with the client's protocol
        """
        self.transport = MemoryTransport()
        self.transport.protocol = protocolFactory.buildProtocol(None)
        self.transport.protocol.makeConnection(self.transport)
        return succeed(self.transport.protocol)

    def send(self, line: bytes) -> None:
        """
        Send a line, if the last connection is open.
        """
        if self.transport.connected:
            self.transport.protocol.dataReceived(line + b"\n")


def events(data: bytes) -> None:
    """
    Whatever a server sends, its client continues to work: it receives a room's messages in order,
    reconnects unless it has found out that this is no MaChat server, and leaves nothing when it
    stops.
    """
    clock, server = StrictClock(), AnyServer()
    places: dict[str, int] = {}
    final: list[Failed | Lost] = []

    def listen(event: Event) -> None:
        if isinstance(event, Joined):
            places[event.room] = 0
        elif isinstance(event, Message):
            check(event.seq > places.get(event.room, 0), "heard twice", event)
            places[event.room] = event.seq
        elif isinstance(event, (Failed, Lost)) and not event.retry:
            final.append(event)

    with nothingLogged():
        client = ChatClient(clock, server, "Mina", listen)
        rooms = client._core._rooms
        client.startService()
        results: list[Deferred[Any]] = [client.join("dev", 2), client.say("dev", "hello")]
        results.append(client.join("r1"))
        for result in results:
            result.addErrback(lambda failure: None)
        for line in data.split(b"\n"):
            if line == b"CUT":
                server.transport.abortConnection()
                clock.advance(DAY)
                check(server.transport.connected or bool(final), "it does not come back")
            else:
                server.send(line.replace(b"id-", rooms._ids._prefix.encode() + b"-"))
        client.stopService()
        clock.advance(0)
        check(all([result.called for result in results]), "somebody waits for ever")
        unacknowledged = rooms._posting._unacknowledged
        left = bool(client.rooms()) or len(unacknowledged) or unacknowledged.size
        check(not left, "something is left")
        check(not clock.getDelayedCalls(), "timers are left", clock.getDelayedCalls())


class LateTransport(MemoryTransport):
    """
    A transport that is closed a turn later, like a socket's.
    """

    clock: Clock
    _closing = False

    def _close(self) -> None:
        if not self._closing:
            self._closing = True
            self.clock.callLater(0, super()._close)


#: The types of collections.
COLLECTIONS = (dict, list, set, deque)


def sizeOf(item: object) -> int:
    """
    @return: the memory of an object. C{getsizeof} is wrong for C{Raw}
    """
    return len(bytes(item)) if isinstance(item, Raw) else getsizeof(item)


class Conversation:
    """
    A client that sends any data, in a room with another member who must not be affected.
    """

    def __init__(self, data: bytes, makeFactory: Callable[[Any], Any], opening: bytes) -> None:
        """
        @param data: first a byte with flags and a number, and so many bytes that choose the
            splits; the rest is sent by the client
        @param opening: is sent first, if the flags require it
        """
        flags = data[0] if data else 0
        self._controls = data[1 : 1 + (flags >> 4)] or b"\0"
        self._data = (opening if flags & 2 else b"") + data[1 + (flags >> 4) :]
        self._chat = MemoryChat(LIMITS, clock=StrictClock())
        self._factory = makeFactory(self._chat.service)
        self._before = self._entries()
        self._ada = self._chat.member("Ada", "dev", watch=True)
        self._transport = MemoryTransport()
        if flags & 1:
            self._transport = LateTransport()
            self._transport.clock = self._chat.clock
        self._protocol = self._transport.protocol = self._factory.buildProtocol(None)
        self._answered = 0

    def run(self) -> None:
        """
        @raise Exception: an error was found
        """
        with nothingLogged():
            self._protocol.makeConnection(self._transport)
            self._send()
            held = sum(map(sizeOf, known([self._protocol], self._shared())))
            check(held < HELD, "it holds too much", held)
            self._transport.loseConnection()
            self._checkOthers()
            self._chat.service.leave(self._ada, "dev")
            self._chat.turn()
            self._checkEnd()

    def _send(self) -> None:
        rest = self._data
        for control in cycle(self._controls):
            self._act(ACTS[control >> 3 & 7])
            if not rest or not self._reads():
                break
            size = SIZES[control & 7]
            piece, rest = rest[:size], rest[size:]
            self._protocol.dataReceived(piece)
            self._answered += len(self._transport.value())
            self._transport.clear()
        files = self._data.count(b"GET ")
        most = ANSWERED[0] + ANSWERED[1] * len(self._data) + FILE * files
        check(self._answered < most, "it answers too much", self._answered)

    def _reads(self) -> bool:
        for _ in range(100):  # the server continues to read after a while
            if not self._transport.connected or self._transport.producerState == "producing":
                break
            self._chat.clock.advance(0.5)
        return self._transport.connected and self._transport.producerState == "producing"

    def _act(self, act: str) -> None:
        producer = self._transport.producer
        if act == "turn":
            self._chat.turn()
        elif act in ("soon", "later"):
            self._chat.clock.advance(0.3 if act == "soon" else 7)
        elif act == "speak":
            self._chat.service.say(self._ada, "dev", "x" * LIMITS.maxLine)
        elif act == "pause" and producer is not None:
            producer.pauseProducing()
        elif act == "resume" and producer is not None:
            producer.resumeProducing()

    def _checkOthers(self) -> None:
        numbers = [message.seq for message in self._ada.messages]
        check(numbers == list(range(1, len(numbers) + 1)), "Ada missed something", numbers)
        check(self._ada.end is None, "Ada was sent away")

    def _checkEnd(self) -> None:
        check(not self._transport.connected, "it is still connected")
        self._chat.service.logbook.close()
        calls = self._chat.clock.getDelayedCalls()
        check(not calls, "timers are left", calls)
        check(self._entries() == self._before, "something is left", self._entries(), self._before)
        ids = cast(MemoryStore, self._chat.store).ids
        check(len(ids) <= LIMITS.receiptsTotal, "too many ids")

    def _entries(self) -> Counter[str]:
        """
        @return: the total size of all collections of the chat and the factory, without those that
            remember data on purpose
        """
        service = self._chat.service
        counts: Counter[str] = Counter()
        shapers = (service._rates.rooms, service._rates.networks)
        site = getattr(self._factory, "site", None)  # remembers handshakes
        remembered = (service.store, getattr(service, "metrics", None), site, *shapers)
        for one in known([service, self._factory], [self._chat.clock, *remembered]):
            if isinstance(one, COLLECTIONS):
                counts[type(one).__name__] += len(one)
        return counts

    def _shared(self) -> list[Any]:
        service = self._chat.service
        native = (Utf8Validator(), create_xor_masker(bytes(4), 1))  # these are compared in C
        code = [getattr(each, name, None) for each in native for name in ("ffi", "lib")]
        clock = self._chat.clock
        return [service, self._factory, clock, clock.calls, self._transport, *code]


def tcp(data: bytes) -> None:
    """
    No input on TCP does harm.
    """
    Conversation(data, ChatFactory, b"").run()


def websocket(data: bytes) -> None:
    """
    No input on WebSocket does harm, before or after the request.
    """
    Conversation(data, ChatWebSocketFactory, clientRequest()).run()


#: All targets, by name.
TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (hello, lines, frames, commands, request, events, tcp, websocket)
}
