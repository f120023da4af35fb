"""
Tests for L{machat.session.session}, and for what both transports have in common.
"""

from __future__ import annotations

from math import inf
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import verify

from machat.errors import ChatError
from machat.events import Joined
from machat.interfaces import IChatMember, ISessionTransport
from machat.limits import Limits
from machat.session.interfaces import IClientSession, IConversation
from machat.testing import MemoryChat, MemoryClient, MemoryWebSocketClient
from tests.test_logbook import logged


class TextTests(SynchronousTestCase):
    """
    The C{text} dialect on lines; L{WebSocketTextTests} runs all tests again.
    """

    #: The error for a hello that exceeds every limit.
    tooLong = 'bad-hello expected {"name": "...", "room": "..."}'

    def setUp(self) -> None:
        self.chat = MemoryChat()

    def client(self, name: str | None = None, room: str = "dev") -> MemoryClient:
        return self.chat.tcp(name, room)

    def assertRefused(self, client: MemoryClient, line: str, code: int) -> None:
        """
        The client received this line and nothing else, and is disconnected.
        """
        self.assertEqual(client.received(), [line])
        self.chat.clock.advance(self.chat.service.limits.closeTimeout)
        self.assertFalse(client.connected)

    def test_interfaces(self) -> None:
        """
        A session, its protocol and the conversation that serves its lines provide their
        interfaces.
        """
        protocol = self.client("Mina")._protocol
        verify.verifyObject(ISessionTransport, protocol)
        verify.verifyObject(IClientSession, protocol._session)
        verify.verifyObject(IConversation, protocol._session._conversation)

    def test_chat(self) -> None:
        """
        Every member of the room receives a line as C{name:line}, in one order, including its
        sender.
        """
        mina, ada, bot = self.client("Mina"), self.client("Ada"), self.chat.member("bot", "dev")
        mina.send("hello")
        ada.send("hi")
        self.chat.service.say(bot, "dev", "beep")
        self.chat.turn()
        expected = ["Mina:hello", "Ada:hi", "bot:beep"]
        self.assertEqual(mina.received(), expected)
        self.assertEqual(ada.received(), expected)
        self.assertEqual(bot.received(), expected)

    def test_transportsMeet(self) -> None:
        """
        Line clients and WebSocket clients share rooms.
        """
        tcp, ws = self.chat.tcp("Mina", "dev"), self.chat.ws("Ada", "dev")
        tcp.send("hello")
        self.chat.turn()
        self.assertEqual(ws.received(), ["Mina:hello"])
        ws.send("hi")
        self.chat.turn()
        self.assertEqual(tcp.received(), ["Mina:hello", "Ada:hi"])

    def test_emptyLine(self) -> None:
        """
        An empty line is a message, and so is a line that only looks empty.
        """
        mina = self.client("Mina")
        mina.send("")
        mina.send("\r")
        mina.send(" ")
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:", "Mina:", "Mina: "])

    def test_badHello(self) -> None:
        """
        Data that cannot become a hello is refused at once with an error line, and affects no other
        client.
        """
        other = self.client("Ada")
        for hello, text in (
            ("hello there", 'bad-hello expected {"name": "...", "room": "..."}'),
            ("[" * 1_000_000, self.tooLong),
            ('{"name": "Mina"}', "bad-hello Object missing required field `room`"),
            ('{"name": 7, "room": "dev"}', "bad-hello Expected `str`, got `int` - at `$.name`"),
            (
                '{"name": "Mi\nna", "room": "dev"}',
                "bad-hello a string in the hello has a control character",
            ),
            (
                '{"name": "Mina", "room": "' + "x" * 4096 + '"}',
                "bad-hello the hello is longer than 4096 bytes",
            ),
        ):
            client = self.client()
            client.send(hello)
            (line,) = client.received()
            self.assertEqual(line, f"machat:error {text}")
            self.chat.clock.advance(5)
            self.assertFalse(client.connected)
        other.send("still here")
        self.chat.turn()
        self.assertEqual(other.received(), ["Ada:still here"])

    def test_badNames(self) -> None:
        """
        Invalid names are refused with their own codes, and closed as a bad request.
        """
        for name, room, code in (("a:b", "dev", "bad-name"), ("Mina", "a b", "bad-room")):
            client = self.client(name, room)
            (line,) = client.received()
            self.assertTrue(line.startswith(f"machat:error {code} "), line)
            if isinstance(client, MemoryWebSocketClient):
                self.assertEqual(client.closeCode, 3501)

    def test_nobodyIsMachat(self) -> None:
        """
        The server's own name is reserved.
        """
        line = "machat:error bad-name the name machat is reserved for the server"
        self.assertRefused(self.client("MaChat"), line, 3501)

    def test_nameTaken(self) -> None:
        """
        A second client with the same name is refused and closed, and the first one stays.
        """
        mina = self.client("Mina")
        second = self.client("MINA", "DEV")
        self.assertRefused(second, 'machat:error name-taken "Mina" is already in dev', 3520)
        mina.send("still me")
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:still me"])

    def test_helloTimeout(self) -> None:
        """
        A client that has not joined 10 seconds after connecting is closed, even if it sends single
        bytes.
        """
        client = self.client()
        self.chat.clock.advance(9.9)
        self.assertTrue(client.connected)
        self.chat.clock.advance(0.1)
        self.assertRefused(client, "machat:error hello-timeout not joined within 10 s", 3002)

    def test_address(self) -> None:
        """
        The address is read once at the hello, also for the line in the log. The header of a proxy
        may have changed it since the connection.
        """
        client, asked = self.client(), []

        def getPeer() -> IPv4Address:
            asked.append(self.chat.clock.seconds())
            return IPv4Address("TCP", "192.0.2.7", 4711)

        client.transport.getPeer = getPeer  # type: ignore[method-assign]
        lines = logged(self)
        client.join("Mina", "dev")
        self.assertEqual(lines(), ["Mina joins dev from 192.0.2.7:4711"])
        self.assertEqual(len(asked), 1)

    def test_joinedInTime(self) -> None:
        """
        A client that has joined stays.
        """
        client = self.client("Mina")
        self.chat.clock.advance(10)
        self.assertTrue(client.connected)

    def test_notUTF8(self) -> None:
        """
        A line that is not UTF-8 is refused; the lines before and after it are posted.
        """
        mina = self.client("Mina")
        self.sendRaw(mina, b"one\n\xff\xfe\ntwo\n")
        self.chat.turn()
        refused = "machat:error bad-encoding the line is not UTF-8 and was not sent"
        self.assertEqual(mina.received(), [refused, "Mina:one", "Mina:two"])

    def sendRaw(self, client: MemoryClient, data: bytes) -> None:
        client.sendBytes(data)

    def test_disconnect(self) -> None:
        """
        A client that disconnects in any state frees its name and leaves nothing.
        """
        for client in (self.client(), self.client("Mina"), self.client("a:b")):
            client.close()
        self.chat.turn()
        self.assertEqual(len(self.chat.service.rooms), 0)
        self.assertEqual(len(self.chat.service.connections), 0)
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])

    def test_shutdown(self) -> None:
        """
        A stop delivers pending messages, sends C{bye shutdown} and closes.
        """
        mina = self.client("Mina")
        mina.send("last words")
        stopped = self.chat.service.stopService()
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:last words", "machat:bye shutdown"])
        self.chat.clock.advance(5)
        self.successResultOf(stopped)
        self.assertFalse(mina.connected)
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])


class WebSocketTextTests(TextTests):
    """
    The C{text} dialect on WebSocket.
    """

    tooLong = (
        "too-long received WebSocket message size 1000000 exceeds payload limit of 65538 octets"
    )

    def client(self, name: str | None = None, room: str = "dev") -> MemoryClient:
        return self.chat.ws(name, room)

    def assertRefused(self, client: MemoryClient, line: str, code: int) -> None:
        super().assertRefused(client, line, code)
        assert isinstance(client, MemoryWebSocketClient)
        self.assertEqual(client.closeCode, code)

    def sendRaw(self, client: MemoryClient, data: bytes) -> None:
        assert isinstance(client, MemoryWebSocketClient)
        client.sendFrame(0x82, data)


class WaitingTests(SynchronousTestCase):
    """
    A session whose join is in progress.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.joins: list[Deferred[None]] = []
        self.join = self.chat.service.join
        self.patch(self.chat.service, "join", self.delayed)

    def delayed(self, member: IChatMember, room: str, key: str | None) -> Deferred[Joined]:
        allowed: Deferred[None] = Deferred()
        self.joins.append(allowed)
        return allowed.addCallback(lambda _: self.join(member, room))

    def test_earlyLines(self) -> None:
        """
        Lines that arrive during the join are posted after it, in order, and reading is paused
        meanwhile.
        """
        client = self.chat.tcp()
        client.sendBytes(b'{"name":"Mina","room":"dev"}\none\ntw')
        self.assertEqual(client.transport.producerState, "paused")
        client.sendBytes(b"o\nthree\n")
        self.joins[0].callback(None)
        self.assertEqual(client.transport.producerState, "producing")
        self.chat.turn()
        self.assertEqual(client.received(), ["Mina:one", "Mina:two", "Mina:three"])

    def test_goneMeanwhile(self) -> None:
        """
        A client that disconnects during its join is not left in the room.
        """
        client = self.chat.tcp("Mina", "dev")
        client.close()
        self.joins[0].callback(None)
        self.assertEqual(len(self.chat.service.rooms), 0)

    def test_timeout(self) -> None:
        """
        A join that takes too long fails.
        """
        client = self.chat.tcp("Mina", "dev")
        self.chat.clock.advance(10)
        line = "machat:error hello-timeout not joined within 10 s"
        self.assertEqual(client.received(), [line])
        self.assertFalse(client.connected)

    def test_failure(self) -> None:
        """
        A join that fails because of a server error is logged, and the client is closed.
        """
        client = self.chat.tcp("Mina", "dev")
        self.joins[0].errback(OSError("down"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertFalse(client.connected)


class AbuseTests(SynchronousTestCase):
    """
    Clients that abuse the protocol.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(rate=inf))

    def test_refusedAllTheTime(self) -> None:
        """
        A connection is closed after a hundred refusals, and the rest of its input is ignored.
        """
        mina = self.chat.tcp("Mina", "dev")
        mina.sendBytes(b"\xff\n" * 99)
        self.chat.clock.advance(5)
        self.assertTrue(mina.connected)
        mina.sendBytes(b"\xff\n" * 32_768)
        self.assertEqual(len(mina.received()), 100)
        self.chat.clock.advance(5)
        self.assertFalse(mina.connected)

    def test_faultsDoNotCount(self) -> None:
        """
        Errors that are the server's own fault do not close the connection, however many there are.
        """
        said = self.chat.service.post

        def fails(*arguments: Any) -> Any:
            if codes:
                return fail(ChatError(codes.pop(), "the store does not answer"))
            return said(*arguments)

        self.patch(self.chat.service, "post", fails)
        for code in ("failed", "unknown"):
            codes = [code] * 150
            mina = self.chat.tcp()
            mina.send(f'{{"v": 1, "name": "{code}", "room": "dev", "presence": false}}')
            mina.received()
            for number in range(151):
                mina.send(f'{{"type": "say", "text": "x", "id": "{number}"}}')
            self.chat.turn()
            *refused, ack, message = mina.received()
            self.assertEqual(
                refused[-1],
                f'{{"type":"error","code":"{code}","text":"the store does not answer","id":"149"}}',
            )
            self.assertEqual(len(refused), 150)
            self.assertTrue(mina.connected)
            mina.close()

    def test_hugeNumbers(self) -> None:
        """
        An invalid message number is refused, and so is an id with a newline.
        """
        mina = self.chat.tcp()
        mina.send('{"v": 1, "name": "Mina", "room": "dev", "presence": false}')
        mina.received()
        for command in (
            '{"type": "history", "room": "dev", "after": 9223372036854775807}',
            '{"type": "history", "room": "dev", "before": 1e400}',
            '{"type": "join", "room": "x", "since": {"epoch": "e", "seq": -1}}',
            '{"type": "join", "room": "x", "since": {"epoch": "e", "seq": 1e9}, "history": 0.5}',
            '{"type": "ping", "id": "a\\n"}',
        ):
            mina.send(command)
            (line,) = mina.received()
            self.assertIn('"code":"bad-command"', line)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_oneLongAnswerATurn(self) -> None:
        """
        A fast reader receives one long answer per turn, so that other clients are served in
        between.
        """
        bot = self.chat.member("bot", "dev")
        self.chat.service.say(bot, "dev", "x" * 60_000)
        self.chat.turn()
        mina = self.chat.tcp()
        mina.send('{"v": 1, "name": "Mina", "room": "dev", "presence": false}')
        mina.received()
        mina.send('{"type": "history", "room": "dev"}\n' * 5 + '{"type": "ping"}')
        (line,) = mina.received()
        self.assertTrue(line.startswith('{"type":"history"'))
        self.assertEqual(mina.transport.producerState, "paused")
        self.chat.turn()  # a Clock's turn also runs calls that are scheduled in it
        self.assertEqual(mina.received()[4:], ['{"type":"pong"}'])
        self.assertEqual(mina.transport.producerState, "producing")

    def test_drippedHello(self) -> None:
        """
        A hello that arrives byte by byte is parsed only when it may be complete.
        """
        mina = self.chat.tcp()
        for byte in b'{"name": "Mina", "room": "dev", "more": {"a": "}"}}hello\n':
            mina.sendBytes(bytes((byte,)))
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:hello"])
        mina = self.chat.tcp()
        for byte in b'{"name": "Mi\nna':
            mina.sendBytes(bytes((byte,)))
        self.assertIn("control character", mina.received()[0])
        mina = self.chat.tcp()
        for _ in range(4097):
            mina.sendBytes(b"{")
        self.assertIn("longer than 4096 bytes", mina.received()[0])

    def test_manyBraces(self) -> None:
        """
        A hello cannot make the server parse the same bytes again and again.
        """
        mina = self.chat.tcp()
        mina.sendBytes(b"{" * 200)
        for _ in range(129):
            mina.sendBytes(b"}")
        self.assertIn("more than 128 closing braces", mina.received()[0])
        ada = self.chat.tcp("Ada", "dev")
        ada.sendBytes(b"}" * 200 + b"\n")
        self.chat.turn()
        self.assertEqual(ada.received(), ["Ada:" + "}" * 200])
        bob = self.chat.tcp()
        bob.sendBytes(b'{"name": "Bob", "room": "dev"}' + b"}" * 200 + b"\n")
        self.chat.turn()
        self.assertEqual(bob.received(), ["Bob:" + "}" * 200])

    def test_brokenVersion(self) -> None:
        """
        An invalid hello that asks for the events dialect is refused in that dialect.
        """
        for hello in ('{"v": 1e999999, "name": "Mina"}', '{"v": 1, "name": "\\q"}'):
            mina = self.chat.tcp()
            mina.send(hello)
            self.assertIn('{"type":"error","code":"bad-hello"', mina.received()[0])

    def test_closedWebSocket(self) -> None:
        """
        A WebSocket client that sends a close leaves all rooms at once, and its later input is
        ignored.
        """
        mina = self.chat.ws("Mina", "dev")
        mina.sendFrame(0x88, b"\x03\xe8")
        self.chat.member("Mina", "dev")
        mina._protocol.dataReceived(b"x" * 100_000)
        self.assertEqual(mina._protocol.data, b"")

    def test_emptyFragments(self) -> None:
        """
        Empty fragments use no memory.
        """
        mina = self.chat.ws("Mina", "dev")
        mina.sendFrame(0x01, b"a")
        for _ in range(100):
            mina.sendFrame(0x00, b"")
        self.assertEqual(mina._protocol.message_data, [b"a"])
        mina.sendFrame(0x80, b"b")
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:ab"])
