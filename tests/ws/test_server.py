"""
Tests for L{machat.ws}: behaviour that only WebSocket has.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from machat.errors import NO_PONG
from machat.hooks import Hooks
from machat.interfaces import IChatMember
from machat.limits import Limits
from machat.tcp import ChatFactory
from machat.testing import (
    MemoryChat,
    MemoryClient,
    MemoryWebSocketClient,
    clientFrame,
    clientRequest,
)
from machat.ws import ChatWebSocketFactory
from machat.ws._autobahn import PIECES
from tests.http.test_handshake import GO
from tests.ws.test_autobahn import StockProtocol

HELLO = '{"name": "Mina", "room": "dev"}'


class HandshakeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()

    def raw(self, data: bytes) -> tuple[bytes, bool]:
        """
        @return: the server's answer to these bytes, and whether it is still connected
        """
        client = MemoryClient(ChatWebSocketFactory(self.chat.service))
        client.sendBytes(data)
        answer: bytes = client.transport.value()
        return answer, client.connected

    def test_path(self) -> None:
        """
        The chat is at C{/mychat}; every other path is not found.
        """
        self.assertTrue(self.chat.ws().response.startswith("HTTP/1.1 101 "))
        factory = ChatWebSocketFactory(self.chat.service)
        for path in ("/", "/mychat/", "/other?x=1"):
            client = MemoryWebSocketClient(factory, path)
            self.assertTrue(client.response.startswith("HTTP/1.1 404 "), client.response)
            self.assertFalse(client.connected)

    def test_notWebSocket(self) -> None:
        """
        An ordinary HTTP request is asked to upgrade, and another protocol receives one line and is
        logged like any other refusal.
        """
        answer, connected = self.raw(b"GET /mychat HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 426 "), answer)
        self.assertFalse(connected)
        for data in (HELLO.encode(), b"\x16\x03\x01"):
            self.assertEqual(
                self.raw(data),
                (b"machat:error bad-hello this is a WebSocket endpoint, at /mychat\n", False),
            )

    def test_stopping(self) -> None:
        """
        A connection that is handed over while the chat stops, as by a proxy whose header is late,
        is closed, and the stop ends.
        """
        earlier = self.chat.ws()
        done = self.chat.service.stopService()
        for factory in (ChatWebSocketFactory, ChatFactory):
            self.assertFalse(MemoryClient(factory(self.chat.service)).connected)
        self.assertNoResult(done)
        earlier.close()
        self.successResultOf(done)

    def test_originalClient(self) -> None:
        """
        The WebSocket client of the original MaChat can join with its own defaults.
        """
        answer, connected = self.raw(GO)
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)
        self.assertTrue(connected)

    def test_endlessHead(self) -> None:
        """
        The size of the request's head is limited, whether it is complete or not.
        """
        head = b"GET /mychat HTTP/1.1\r\n" + b"X: y\r\n" * 2000
        for data in (head, head + b"\r\n"):
            answer, connected = self.raw(data)
            self.assertTrue(answer.startswith(b"HTTP/1.1 431 "), answer)
            self.assertFalse(connected)

    def test_timeout(self) -> None:
        """
        A client that has not finished the handshake 10 seconds after connecting is closed.
        """
        client = MemoryWebSocketClient(ChatWebSocketFactory(self.chat.service), "/" + "x" * 9000)
        self.assertFalse(client.connected)
        client = self.chat.ws()
        self.chat.clock.advance(10)
        self.assertEqual(client.received(), ["machat:error hello-timeout not joined within 10 s"])
        self.assertEqual(client.closeCode, 3002)

    def test_framesWithTheRequest(self) -> None:
        """
        Frames in the same segment as the request are not lost.
        """
        client = self.chat.ws()
        self.assertTrue(client.connected)
        frames = clientFrame(0x81, HELLO.encode()) + clientFrame(0x81, b"hi")
        early = MemoryClient(ChatWebSocketFactory(self.chat.service))
        early.sendBytes(clientRequest() + frames)
        self.chat.turn()
        self.assertTrue(early.transport.value().endswith(b"\x81\x08Mina:hi\n"))


class MessageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(maxLine=100))
        self.client = self.chat.ws("Mina", "dev")

    def heard(self) -> list[str]:
        self.chat.turn()
        return self.client.received()

    def test_lines(self) -> None:
        """
        A message carries one or more lines; the last newline is optional.
        """
        for payload in ("a\nb", "a\nb\n", "a\r\nb\r\n"):
            self.client.send(payload)
            self.assertEqual(self.heard(), ["Mina:a", "Mina:b"])
        self.client.send("")
        self.client.send("\n")
        self.assertEqual(self.heard(), ["Mina:", "Mina:"])

    def test_severalAtOnce(self) -> None:
        """
        Of messages that arrive in one read, each loses one newline at its end, and no line is
        lost.
        """
        payloads = (b"a\n", b"b", b"", b"\n", b"c\n\n", b"d\r\n")
        self.client.sendBytes(b"".join([clientFrame(0x81, payload) for payload in payloads]))
        lines = ["Mina:a", "Mina:b", "Mina:", "Mina:", "Mina:c", "Mina:", "Mina:d"]
        self.assertEqual(self.heard(), lines)

    def test_binary(self) -> None:
        """
        Binary messages are accepted like text.
        """
        client = self.chat.ws()
        client.sendFrame(0x82, b'{"name": "Ada", "room": "dev"}\n')
        client.sendFrame(0x82, b"hello")
        self.assertEqual(self.heard(), ["Ada:hello"])

    def test_fragments(self) -> None:
        """
        A message may arrive in fragments, with a ping between them.
        """
        self.client.sendFrame(0x01, b"hel")
        self.client.sendFrame(0x89, b"")
        self.client.sendFrame(0x80, b"lo")
        self.assertEqual(self.heard(), ["Mina:hello"])

    def test_frameInPing(self) -> None:
        """
        The payload of a ping is never a message, wherever the ping is split.
        """
        inner = clientFrame(0x81, b"hi")
        ping = clientFrame(0x89, inner)
        for size in range(len(ping)):
            self.client.sendBytes(ping[:size])
            self.client.sendBytes(ping[size:])
            self.chat.turn()
            self.assertEqual(self.client.transport.value(), b"\x8a\x08" + inner)
            self.client.transport.clear()

    def test_messageInFragments(self) -> None:
        """
        A message cannot begin between the fragments of another message.
        """
        self.client.sendFrame(0x01, b"hel")
        self.client.sendFrame(0x81, b"hello")
        (line,) = self.heard()
        self.assertTrue(line.startswith("machat:error bad-command "), line)
        self.assertEqual(self.client.closeCode, 1002)

    def test_helloWithLines(self) -> None:
        """
        Lines after the hello in the same message are posted; an incomplete hello is refused.
        """
        client = self.chat.ws()
        client.send('{"name": "Ada", "room": "dev"}\none\ntwo')
        self.assertEqual(self.heard(), ["Ada:one", "Ada:two"])
        client = self.chat.ws()
        client.send(HELLO[:-4])
        refused = ["machat:error bad-hello the first message is not a complete JSON object"]
        self.assertEqual(client.received(), refused)
        self.assertEqual(client.closeCode, 3501)

    def test_failures(self) -> None:
        """
        A violation of RFC 6455 or of a limit is answered with an error text, then with a close
        code.
        """
        for first, payload, word, code in (
            (0x81, b"x" * 103, "too-long", 1009),
            (0x81, b"x" * 70_000, "too-long", 1009),
            (0x81, b"\xff", "bad-encoding", 1007),
            (0x83, b"", "bad-command", 1002),
            (0xC1, b"", "bad-command", 1002),
            (0x80, b"", "bad-command", 1002),
        ):
            client = self.chat.ws("Bob", "dev")
            client.sendFrame(first, payload)
            client.sendFrame(0x81, b"ignored")
            (line,) = client.received()
            self.assertTrue(line.startswith(f"machat:error {word} "), line)
            self.assertEqual(client.closeCode, code)
            self.chat.clock.advance(5)
            self.assertFalse(client.connected)
        self.assertEqual(self.heard(), [])

    def test_unmasked(self) -> None:
        """
        An unmasked frame is refused.
        """
        self.client.sendBytes(b"\x81\x02hi")
        self.assertEqual(len(self.client.received()), 1)
        self.assertEqual(self.client.closeCode, 1002)

    def test_tooLongLine(self) -> None:
        """
        A message with a line over the limit is refused, and the connection is closed.
        """
        self.client.send("x" * 101)
        line = "machat:error too-long a line may have at most 100 bytes"
        self.assertEqual(self.client.received(), [line])
        self.assertEqual(self.client.closeCode, 3501)

    def test_close(self) -> None:
        """
        A client's close is answered, and nothing is sent after the answer.
        """
        other = self.chat.ws("Ada", "dev")
        other.send("hello")
        self.client.sendFrame(0x88, b"\x03\xe8")
        self.chat.turn()
        self.assertEqual(self.client.received(), [])
        self.assertEqual(self.client.closeCode, 1000)
        self.assertFalse(self.client.connected)
        self.assertEqual(other.received(), ["Ada:hello"])


class ChargeTests(SynchronousTestCase):
    """
    Each frame counts towards the sending rate, and waits for its turn.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.client = self.chat.ws("Mina", "dev")

    def test_control(self) -> None:
        """
        Of pings and pongs, twenty are read at once and then five per second. None is lost, and
        later frames keep their order.
        """
        for opcode in (0x89, 0x8A):
            chat = MemoryChat()
            client = chat.ws("Mina", "dev")
            client.sendBytes(clientFrame(opcode, b"x") * 28 + clientFrame(0x81, b"hello"))
            pong = b"\x8a\x01x" if opcode == 0x89 else b""
            self.assertLessEqual(client.transport.value(), pong * 20)
            self.assertEqual(client.transport.producerState, "paused")
            self.assertTrue(next(iter(chat.service.connections)).throttled)
            chat.clock.pump([0.1] * 15)
            self.assertNotIn(b"hello", client.transport.value())
            chat.clock.pump([0.1] * 6)
            self.assertEqual(client.transport.value(), pong * 28 + b"\x81\x0bMina:hello\n")

    def test_fragments(self) -> None:
        """
        The fragments of a message count, including empty ones.
        """
        self.client.sendBytes(clientFrame(0x01, b"") + clientFrame(0x00, b"") * 5_000)
        self.assertEqual(self.client.transport.producerState, "paused")
        self.chat.clock.advance(0.1)
        self.assertEqual(self.client.transport.producerState, "paused")
        self.assertEqual(self.chat.service.metrics.throttles, 1)

    def test_unjoined(self) -> None:
        """
        Data before the hello counts too, including the pieces of a request.
        """
        client = self.chat.ws()
        client.sendBytes(clientFrame(0x89, b"") * 21)
        self.assertEqual(client.transport.value(), b"\x8a\x00" * 20)
        early = MemoryClient(ChatWebSocketFactory(self.chat.service))
        for byte in clientRequest().ljust(160, b" ")[:153]:
            early.sendBytes(bytes((byte,)))
        self.assertEqual(early.transport.producerState, "paused")

    def test_pieces(self) -> None:
        """
        A piece of a frame counts as an eighth, in its head, in a small frame and in a large one.
        """
        for frame in (clientFrame(0x81, b"x" * 3_000), clientFrame(0x82, b"x" * 60_000)):
            chat = MemoryChat()
            client = chat.ws("Mina", "dev")
            for byte in frame[:154]:
                client.sendBytes(bytes((byte,)))
            self.assertEqual(client.transport.producerState, "paused")
            chat.clock.advance(0.2)
            self.assertEqual(client.transport.producerState, "producing")
            client.sendBytes(frame[154:])
            chat.clock.pump([1] * 3)
            self.assertEqual([len(line) for line in client.received()], [len(frame) - 3])

    def test_overhead(self) -> None:
        """
        A message is stored in few pieces, however many fragments or reads it arrives in.
        """
        chat = MemoryChat(Limits(rate=inf))
        client = chat.ws("Mina", "dev")
        protocol: Any = client._protocol
        client.sendFrame(0x01, b"x")
        for _ in range(100):
            client.sendBytes(clientFrame(0x00, b"x") * 100)
            self.assertLessEqual(len(protocol.message_data), PIECES)
        client.sendFrame(0x80, b"")
        self.assertEqual(texts(chat, client), ["Mina:" + "x" * 10_001])
        for byte in clientFrame(0x82, b"x" * 10_000):
            client.sendBytes(bytes((byte,)))
            self.assertLessEqual(len(getattr(protocol, "frame_data", None) or ()), PIECES)
        self.assertEqual(texts(chat, client), ["Mina:" + "x" * 10_000])

    def test_close(self) -> None:
        """
        A close waits for the lines before it, and is answered after them.
        """
        other = self.chat.ws("Ada", "dev")
        for number in range(30):
            self.client.send(str(number))
        self.client.sendFrame(0x88, b"\x03\xe8")
        self.chat.clock.pump([0.1] * 30)
        self.assertEqual(texts(self.chat, other), [f"Mina:{number}" for number in range(30)])
        self.client.received()
        self.assertEqual(self.client.closeCode, 1000)
        self.assertFalse(self.client.connected)
        other.close()
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])

    def test_closeWaits(self) -> None:
        """
        A close after the hello does not interrupt the join that the hello has started.
        """
        asked: list[Deferred[None]] = []

        class Slow(Hooks):
            def authorizeJoin(self, member: IChatMember, room: str) -> Deferred[None]:
                asked.append(Deferred())
                return asked[-1]

        chat = MemoryChat(hooks=Slow())
        client = chat.ws()
        hello = clientFrame(0x81, HELLO.encode())
        client.sendBytes(hello + clientFrame(0x81, b"hi") + clientFrame(0x88, b"\x03\xe8"))
        self.assertTrue(client.connected)
        self.assertEqual(client.transport.producerState, "paused")
        asked.pop().callback(None)
        self.assertFalse(client.connected)
        client.received()
        self.assertEqual(client.closeCode, 1000)
        self.assertEqual(asked, [])

    def test_closing(self) -> None:
        """
        Data in the same read as a violation is not processed, and the wait for the answer to the
        close ends.
        """
        self.client.sendBytes(b"\x83\x80aaaa" + clientFrame(0x81, b"hi") * 2_000)
        self.assertTrue(self.client.connected)
        self.chat.clock.pump([0.5] * 11)
        self.assertFalse(self.client.connected)
        self.client.received()
        self.assertEqual(self.client.closeCode, 1002)
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])

    def test_afterViolation(self) -> None:
        """
        Data that arrives after a violation has been answered ends the connection.
        """
        self.client.sendBytes(b"\x83\x80aaaa")
        self.client.sendBytes(clientFrame(0x81, b"hi"))
        self.assertFalse(self.client.connected)
        self.client.received()
        self.assertEqual(self.client.closeCode, 1002)

    def test_disconnected(self) -> None:
        """
        A client that is closed while its frames wait receives the right close code.
        """
        self.client.sendBytes(clientFrame(0x89, b"") * 100)
        next(iter(self.chat.service.connections)).disconnected(NO_PONG)
        self.client.received()
        self.assertEqual(self.client.closeCode, NO_PONG.code)
        self.chat.clock.pump([1] * 5)
        self.assertFalse(self.client.connected)

    def test_off(self) -> None:
        """
        With the rate switched off, nothing counts.
        """
        chat = MemoryChat(Limits(rate=inf))
        client = chat.ws("Mina", "dev")
        client.sendBytes(clientFrame(0x89, b"") * 5_000)
        self.assertEqual(client.transport.value(), b"\x8a\x00" * 5_000)


class PingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.client = self.chat.ws("Mina", "dev")

    def advance(self, seconds: int) -> None:
        self.chat.clock.pump([1] * seconds)

    def test_answered(self) -> None:
        """
        A client is pinged every 25 seconds, and stays connected while it answers.
        """
        for _ in range(3):
            self.advance(25)
            self.assertEqual(self.client.transport.value(), b"\x89\x00")
            self.client.transport.clear()
            self.client.sendFrame(0x8A, b"")
        self.assertTrue(self.client.connected)

    def test_trafficIsAnAnswer(self) -> None:
        """
        Any data that the client sends counts as an answer.
        """
        self.advance(25)
        self.client.send("hello")
        self.advance(10)
        self.assertNotIn("machat:bye no-pong", self.client.received())

    def test_unanswered(self) -> None:
        """
        A client that does not answer for 10 seconds is closed, and aborted if it does not answer
        the close either.
        """
        self.advance(34)
        self.assertEqual(self.client.received(), [])
        self.advance(1)
        self.assertEqual(self.client.received(), ["machat:bye no-pong"])
        self.assertEqual(self.client.closeCode, 3012)
        self.advance(5)
        self.assertFalse(self.client.connected)
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])


def texts(chat: MemoryChat, client: MemoryClient) -> list[str]:
    """
    @return: what the client has received at the end of the turn
    """
    chat.turn()
    return client.received()


def encode(first: int, payload: bytes, masked: int, mask: bytes) -> bytes:
    """
    @return: a frame, built directly from RFC 6455 section 5.2
    """
    size = len(payload)
    head = bytes((first, masked | (size if size < 126 else 126)))
    if size > 125:
        head += size.to_bytes(2, "big")
    if masked:
        head += mask
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return head + payload


def frames(firsts: list[int], payloads: Any, masked: Sequence[int] = (0x80,)) -> Any:
    """
    @return: frames of these kinds; with a mask of zeroes, a frame inside a frame is valid on the
        wire too
    """
    masks = st.just(bytes(4)) | st.binary(min_size=4, max_size=4)
    return st.builds(encode, st.sampled_from(firsts), payloads, st.sampled_from(masked), masks)


LINES = st.text(st.sampled_from("\u00e4\r\n"), max_size=6).map(str.encode)
PLAIN = frames([0x81], LINES | st.sampled_from([b"x" * size for size in (125, 126, 130)]))
PINGS = frames([0x89, 0x8A], LINES | frames([0x81], LINES))
FRAGMENTS = st.tuples(
    frames([0x01, 0x02], LINES), frames([0x00], LINES) | PINGS, frames([0x80], LINES)
).map(b"".join)
GOOD = st.one_of(PLAIN, PLAIN, PINGS, FRAGMENTS)
#: Valid or invalid lines; a line of 130 bytes is the longest in half of the tests.
OTHERS = st.one_of(
    PLAIN,
    frames([0x01], LINES),
    frames([0x81], LINES.map(lambda lines: lines[1:])),  # may be half a character
    frames([0x81, 0x82], st.sampled_from([131, 132, 133, 6000]).map(lambda size: b"x" * size)),
    frames(
        [0x81] * 4 + [0x01, 0x80, 0x00, 0x82, 0x89, 0x8A, 0x88, 0xC1, 0x83],
        st.text(max_size=20).map(str.encode) | st.binary(max_size=20),
        [0x80] * 8 + [0],
    ),
)
#: The place where a read ends in a frame: nowhere, before it, in its head, or after its head.
CUTS = st.sampled_from([None, None, 0, 0, 1, 2, 4, 6])


def cutUp(frames: list[tuple[bytes, int | None]], cuts: list[int]) -> list[bytes]:
    """
    @param frames: each with the place in it where a read ends, if one does
    @param cuts: more such places, in the whole stream
    @return: the data of each read
    """
    data = b""
    places = {0, *cuts}
    for frame, cut in frames:
        if cut is not None:
            places.add(len(data) + cut)
        data += frame
    ends = sorted({min(place, len(data)) for place in places})
    return [data[start:end] for start, end in pairwise([*ends, len(data)])]


class ReadingTests(SynchronousTestCase):
    """
    The fast read path gives the same results as Autobahn, on a lean connection.
    """

    def outcome(
        self, protocol: Any, limits: Limits, pieces: list[bytes]
    ) -> tuple[list[str], bytes, bool]:
        """
        @return: the messages, the server's answers and whether the connection is open, after these
            bytes
        """
        chat = MemoryChat(limits)
        factory = ChatWebSocketFactory(chat.service)
        factory.protocol = protocol or factory.protocol
        client = MemoryWebSocketClient(factory)
        witness = chat.member("witness", "dev")
        for piece in [*pieces, b""]:
            while client.connected and client.transport.producerState == "paused":
                chat.clock.advance(0.001)
            client.sendBytes(piece) if piece else None
        chat.turn()
        return witness.received(), client.transport.value(), client.connected

    def test_failedAndCharged(self) -> None:
        """
        A violation that has been answered is not answered again when reading continues.
        """
        pieces = [encode(0x81, HELLO.encode(), 0x80, b"mask"), b"\x00\x80"]
        outcomes = [
            self.outcome(None, limits, pieces)
            for limits in (Limits(rate=inf), Limits(rate=1000, burst=1))
        ]
        self.assertTrue(outcomes[0][2])
        self.assertEqual(outcomes[0], outcomes[1])

    @settings(deadline=None, max_examples=100)
    @given(
        st.sampled_from([130, 6000]),
        st.booleans(),
        st.lists(st.tuples(GOOD, CUTS), max_size=8),
        st.lists(st.tuples(OTHERS, CUTS), max_size=4),
        st.lists(st.integers(0, 400), max_size=3),
        st.binary(max_size=7),
    )
    def test_same(
        self,
        line: int,
        helloAlone: bool,
        good: list[tuple[bytes, int | None]],
        others: list[tuple[bytes, int | None]],
        cuts: list[int],
        tail: bytes,
    ) -> None:
        """
        Any frames, split anywhere, give the same messages, answers, errors and closes, even if
        each has to wait for its turn.
        """
        hello = encode(0x81, HELLO.encode(), 0x80, b"mask")
        cuts = cuts + [len(hello)] * helloAlone
        pieces = cutUp([(hello, None), *good, *others, (tail, None)], cuts)
        limits = Limits(maxLine=line, rate=inf)
        unlimited = self.outcome(None, limits, pieces)
        stock = self.outcome(StockProtocol, limits, pieces)
        self.assertEqual(unlimited[:2], stock[:2])
        limits = Limits(maxLine=line, rate=1000, burst=2, rateBytes=100)
        slowly = self.outcome(None, limits, pieces)
        self.assertEqual((unlimited[0], unlimited[2]), (slowly[0], slowly[2]))
