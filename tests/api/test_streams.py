"""
Tests for L{machat.api.streams} and L{machat.api.dialect}.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.api import ApiLimits
from machat.api.dialect import NOWHERE, StreamDialect, encodeEntries, readId
from machat.api.streams import Stream
from machat.errors import REJECTED, SHUTDOWN, SLOW
from machat.events import Edited, Message, Moved, Position
from machat.interfaces import IChatMember, IClientConnection
from machat.limits import DEFAULTS
from machat.session import costs
from machat.testing import MemoryMember
from machat.wire import IDialect
from tests.api.clients import SECRET, ApiClient, MemoryApi, keyOf


class Source:
    """
    A client as in WHATWG HTML, section 9.2.6: it parses a stream, and remembers the last id.
    """

    def __init__(self, client: ApiClient) -> None:
        self.client = client
        self.id = ""
        self.retry = 0
        self.head = b""
        self._rest = b""

    def events(self) -> list[tuple[str, Any]]:
        """
        @return: the types and the data of the events since the last call
        """
        self._rest += self.client.received()
        if not self.head:
            self.head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        found = []
        while b"\n\n" in self._rest:
            block, _, self._rest = self._rest.partition(b"\n\n")
            fields: dict[str, str] = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            self.id = fields.get("id", self.id)
            self.retry = int(fields.get("retry", self.retry))
            if "data" in fields:
                data = msgspec.json.decode(fields["data"])
                found.append((fields.get("event", "message"), data))
        return found

    def texts(self) -> list[str]:
        """
        @return: the texts of the messages since the last call
        """
        return [data["text"] for kind, data in self.events() if kind == "message"]


class StreamTests(SynchronousTestCase):
    """
    Tests for event streams.
    """

    def setUp(self) -> None:
        self.api = MemoryApi()
        self.mina = self.api.chat.member("Mina", "dev")

    def say(self, *texts: str) -> None:
        for text in texts:
            self.api.chat.service.say(self.mina, "dev", text)
        self.api.chat.turn()

    def source(self, query: str = "room=dev", **fields: str) -> Source:
        return Source(self.api.stream(query, **fields))

    def test_interfaces(self) -> None:
        """
        A stream is a member and a connection, and its dialect is a dialect.
        """
        stream = Stream(self.api.resource._streams, keyOf(), None, "dev")
        self.assertTrue(verifyObject(IChatMember, stream))
        self.assertTrue(verifyObject(IClientConnection, stream))
        self.assertTrue(verifyObject(IDialect, stream.dialect))

    def test_messages(self) -> None:
        """
        A stream begins with the state of the room. Messages follow, in the form of the C{events}
        dialect.
        """
        source = self.source()
        self.say("hello", "a\u2028b")
        (kind, joined), *messages = source.events()
        self.assertEqual((kind, joined["room"], joined["seq"]), ("joined", "dev", 0))
        self.assertEqual([data["text"] for _, data in messages], ["hello", "a\u2028b"])
        self.assertEqual(messages[0][1]["type"], "message")
        self.assertEqual(source.id, f"{joined['epoch']}:2")
        self.assertEqual(source.retry, 2_000)
        head = source.head.decode().split("\r\n")
        self.assertEqual(head[0], "HTTP/1.1 200 OK")
        for line in (
            "Content-Type: text/event-stream; charset=utf-8",
            "X-Accel-Buffering: no",
            "Cache-Control: no-store",
        ):
            self.assertIn(line, head)

    def test_notPresent(self) -> None:
        """
        A listener is not in the room: presence does not report it.
        """
        watcher = self.api.chat.member("Bob", "dev", watch=True)
        source = self.source()
        self.api.chat.clock.advance(1)
        self.assertEqual(watcher.events, [])
        self.assertEqual(self.api.call("presence", room="dev").json["members"], ["Mina", "Bob"])
        source.client.close()

    def test_oneEncoding(self) -> None:
        """
        All streams of a room receive the same object.
        """
        first, second = self.source(), self.source("room=DEV")
        room = self.api.chat.service.rooms.get("dev")
        assert room is not None
        self.assertEqual(len({listener.dialect for listener in room.listeners}), 1)
        self.say("one")
        self.assertEqual(first.texts(), second.texts())
        first.client.close()
        self.say("two")
        self.assertEqual((first.texts(), second.texts()), ([], ["two"]))
        second.client.close()
        self.assertEqual(len(room.listeners), 0)
        self.assertEqual(self.api.resource._streams.dialects._used, {})

    def test_recovery(self) -> None:
        """
        C{Last-Event-ID}, or C{since} in the query, continues a stream exactly.
        """
        source = self.source()
        self.say("one")
        self.assertEqual(source.texts(), ["one"])
        source.client.close()
        self.say("two", "three")
        for query, fields in (
            ("room=dev", {"Last_Event_ID": source.id}),
            (f"room=dev&since={source.id}", {}),
        ):
            again = self.source(query, **fields)
            (_, joined), *messages = again.events()
            texts = [data["text"] for _, data in messages]
            self.assertEqual((joined["recovered"], joined["missed"]), (True, len(texts)))
            self.assertEqual(texts[:2], ["two", "three"])
            self.say("four")
            self.assertEqual(again.texts(), ["four"])
            again.client.close()
        self.assertEqual(self.source("room=dev&history=3").texts(), ["three", "four", "four"])

    def test_data(self) -> None:
        """
        Messages with data are replayed, and delivered, in full.
        """
        self.api.call("publish", room="dev", text="one", data={"a": 1})
        source = self.source("room=dev&history=1")
        self.api.call("publish", room="dev", text="", data={"a": 2})
        found = [data["data"] for kind, data in source.events() if kind == "message"]
        self.assertEqual(found, [{"a": 1}, {"a": 2}])

    def test_interrupted(self) -> None:
        """
        A client that loses its connection in the middle of a replay misses nothing: the first event
        has no id if messages follow it.
        """
        self.say("one", "two")
        source = self.source("room=dev&history=2")
        data = source.client.received()
        source.client.transport.write(data[: data.index(b"id: ")])
        self.assertEqual([kind for kind, _ in source.events()], ["joined"])
        self.assertEqual(source.id, "")

    def test_lost(self) -> None:
        """
        If messages may be missing, the first event states it.
        """
        self.say("one")
        now = self.source()
        now.events()
        for id in ("other:1", "nonsense", f"{now.id}9", ":", "x:-1", "x:\u0663"):
            source = self.source(f"room=dev&since={quote(id)}")
            (_, joined), *rest = source.events()
            self.assertEqual((joined["recovered"], rest), (False, []), id)

    def test_restart(self) -> None:
        """
        At a stop, a stream receives the time after which to reconnect. It continues after the
        restart.
        """
        source = self.source()
        self.say("one")
        self.api.chat.service.stopService()
        self.api.chat.clock.pump([0, 0, 0])
        kind, bye = source.events()[-1]
        self.assertEqual((kind, bye["code"], bye["reconnect"]), ("bye", SHUTDOWN.code, True))
        self.assertFalse(source.client.connected)
        self.assertLessEqual(source.retry, 2_000)

    def test_slow(self) -> None:
        """
        A stream that nobody reads is aborted, counted, and costs the room nothing more.
        """
        self.api = MemoryApi(replace(DEFAULTS, maxWaiting=100_000, roomRate=1e9))
        self.mina = self.api.chat.member("Mina", "dev")
        source = self.source()
        transport: Any = source.client.transport
        transport.producer.pauseProducing()
        for _ in range(3):
            self.say("x" * 60_000)
        self.assertFalse(source.client.connected)
        metrics = self.api.chat.service.metrics
        self.assertEqual((metrics.slow, metrics.disconnects[SLOW.code]), (1, 1))
        room = self.api.chat.service.rooms.get("dev")
        assert room is not None
        self.assertEqual(len(room.listeners), 0)

    def test_stalled(self) -> None:
        """
        A stream without progress for 30 s is aborted, although little waits.
        """
        source = self.source()
        transport: Any = source.client.transport
        transport.producer.pauseProducing()
        self.say("hello")
        self.api.chat.clock.advance(29)
        self.assertTrue(source.client.connected)
        self.api.chat.clock.pump([2, 0, 0])
        self.assertFalse(source.client.connected)

    def test_heartbeat(self) -> None:
        """
        An idle stream sends comments.
        """
        source = self.source()
        source.events()
        for _ in range(2):
            self.api.chat.clock.advance(DEFAULTS.ping)
            self.api.chat.turn()
            self.assertEqual(source.client.received(), b":\n\n")
        source.client.close()
        self.api.chat.clock.advance(DEFAULTS.ping)
        self.assertEqual(self.api.chat.clock.getDelayedCalls(), [])

    def test_revoked(self) -> None:
        """
        A stream ends when its key is revoked or loses the right.
        """
        for keys in ([], [keyOf(rights="publish")], [keyOf(rooms="ops")]):
            self.api.keys.replace([keyOf()])
            source = self.source()
            self.api.keys.replace(keys)
            kind, bye = source.events()[-1]
            self.assertEqual((kind, bye["code"]), ("bye", REJECTED.code))
            self.assertFalse(source.client.connected)

    def test_otherKeys(self) -> None:
        """
        A stream continues when other keys change.
        """
        source = self.source()
        self.api.keys.replace([keyOf("other", "other"), keyOf()])
        self.say("one")
        self.assertEqual(source.texts(), ["one"])

    def test_refused(self) -> None:
        """
        A stream is refused like any other request.
        """
        for query, secret, status in (
            ("room=dev", "wrong", 401),
            ("room=a+b", SECRET, 400),
            ("", SECRET, 400),
            ("room=dev&history=x", SECRET, 400),
        ):
            client = self.api.stream(query, X_API_Key=secret)
            self.assertEqual(client.response().status, status, query)
        self.api.keys.replace([keyOf(rights="publish")])
        self.assertEqual(self.api.stream().response().status, 403)
        self.assertEqual(len(self.api.chat.service.connections), 0)

    def test_connections(self) -> None:
        """
        Streams count as connections of their address, until they are closed.
        """
        self.api = MemoryApi(replace(DEFAULTS, maxPerAddress=2))
        clients = [self.api.client("192.0.2.1") for _ in range(2)]
        for client in clients:
            client.send("GET", "/api/events?room=dev", X_API_Key=SECRET)
        third = self.api.client("192.0.2.1")
        third.send("GET", "/api/events?room=dev", X_API_Key=SECRET)
        answer = third.response()
        self.assertEqual((answer.status, answer.code), (429, "too-many-connections"))
        self.assertEqual(
            [each.kind for each in self.api.chat.service.connections], [("http", "stream")] * 2
        )
        clients[0].close()
        third.send("GET", "/api/events?room=dev", X_API_Key=SECRET)
        self.assertEqual(third.response().status, 200)

    def test_spelling(self) -> None:
        """
        A stream ends whatever the spelling of its room was, also that of a direct conversation.
        """
        self.api.keys.replace([keyOf(rooms="*,@*")])
        for spelling, room in (("DEV", "dev"), ("@Mina,Ada", "@Ada,Mina")):
            source = self.source(f"room={spelling}")
            self.api.call("publish", room=room, text="hello", by="Mina")
            self.assertEqual(source.texts(), ["hello"])
            found = self.api.chat.service.rooms.get(room)
            assert found is not None
            self.assertEqual(len(found.listeners), 1)
            source.client.close()
            self.assertEqual(len(found.listeners), 0)
        token = self.api.call("token", room="@Mina,Ada").json["token"]
        for room in ("@Ada,Mina", "@Mina,Ada"):
            again = self.source(f"room={room}&token={token}")
            self.assertEqual([kind for kind, _ in again.events()], ["joined"])

    def test_gone(self) -> None:
        """
        A client that goes while the room is being opened leaves nothing behind.
        """
        self.api.chat.lag(1.0)
        source = self.source("room=new")
        source.client.close()
        self.api.chat.clock.pump([1.0] * 3)
        self.assertEqual([room.name for room in self.api.chat.service.rooms], ["dev"])
        self.assertEqual(len(self.api.chat.service.connections), 0)

    def test_stoppedMeanwhile(self) -> None:
        """
        A stream whose room is being opened while the chat stops is refused.
        """
        self.api.chat.lag(1.0)
        source = self.source("room=new")
        self.api.chat.service.stopService()
        self.api.chat.clock.pump([1.0] * 6)
        self.assertEqual(source.client.response().status, 503)

    def test_head(self) -> None:
        """
        C{HEAD} has the fields of a stream, and ends.
        """
        client = self.api.client()
        client.send("HEAD", "/api/events?room=dev", X_API_Key=SECRET)
        answer = client.response()
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertIn("text/event-stream", answer.fields["content-type"])

    def test_token(self) -> None:
        """
        A token opens the stream of one room for some time, and only that.
        """
        token = self.api.call("token", room="dev", seconds=60).json["token"]
        source = self.source(f"room=Dev&token={token}")
        self.say("one")
        self.assertEqual(source.texts(), ["one"])
        for query in (f"room=ops&token={token}", f"room=dev&token={token}x", "room=dev&token=.%FF"):
            self.assertEqual(self.api.stream(query).response().status, 401, query)
        self.assertEqual(self.api.call("rooms", token).status, 401)
        self.api.chat.clock.advance(61)
        with capturedLogs() as logged:
            refused = self.api.stream(f"room=dev&token={token}").response()
        self.assertEqual(refused.status, 401)
        (line,) = [formatEvent(event) for event in logged]
        for text in (refused.json["error"]["message"], line):
            self.assertIn("the token has expired", text)

    def test_cost(self) -> None:
        """
        A stream counts once more for each 512 entries that the server reads for it.
        """
        self.patch(costs, "ENTRIES", 2)
        self.api = MemoryApi(api=ApiLimits(rate=1.0, burst=4))
        self.mina = self.api.chat.member("Mina", "dev")
        self.say("one", "two", "three", "four")
        source = self.source("room=dev&history=4")
        self.assertNotIn("scanned", source.events()[0][1])
        statuses = [self.api.stream().response().status for _ in range(2)]
        self.assertEqual(statuses, [200, 429])

    def test_costOfTokens(self) -> None:
        """
        A stream that is opened with a token is charged to the network of the client, not to the
        key. Clients on this machine are charged to the key.
        """
        self.api = MemoryApi(api=ApiLimits(rate=1.0, burst=3))
        token = self.api.call("token", room="dev").json["token"]

        def status(host: str) -> int:
            client = self.api.client(host)
            client.send("GET", f"/api/events?room=dev&token={token}")
            return client.response().status

        statuses = [status("192.0.2.1") for _ in range(4)]
        self.assertEqual((statuses, status("192.0.2.2")), ([200, 200, 200, 429], 200))
        self.assertEqual(self.api.call("rooms").status, 200)
        self.assertEqual([status("127.0.0.1") for _ in range(2)], [200, 429])
        self.assertEqual(self.api.call("rooms").status, 429)

    def test_tokenOfRevokedKey(self) -> None:
        """
        A token is not valid longer than its key.
        """
        token = self.api.call("token", room="dev").json["token"]
        self.api.keys.replace([keyOf("another secret")])
        self.assertEqual(self.api.stream(f"room=dev&token={token}").response().status, 401)

    def test_requestsOfAStream(self) -> None:
        """
        Whatever a client sends on the connection of a stream is ignored.
        """
        source = self.source()
        source.events()
        source.client.send("GET", "/api/openapi.json")
        self.assertEqual(source.client.received(), b"")
        self.say("one")
        self.assertEqual(source.texts(), ["one"])


class DialectTests(SynchronousTestCase):
    """
    Tests for L{StreamDialect}.
    """

    def test_moved(self) -> None:
        """
        After a move, the ids have the new epoch.
        """
        dialect = StreamDialect()
        dialect.epoch = "one"
        event = Moved(room="dev", epoch="two", seq=4, lost=True)
        encoded = dialect.encodeEvent(event)
        assert encoded is not None
        self.assertTrue(encoded.startswith(b"id: two:4\nevent: moved\ndata: {"))
        message = Message(room="dev", seq=5, sender="a", text="b", at=0)
        self.assertTrue(dialect.encode([message]).startswith(b"id: two:5\ndata: {"))

    def test_edited(self) -> None:
        """
        Entries that are not messages have a type of their own, and an id.
        """
        entry = Edited(room="dev", seq=5, target=4, by="Mina", text="b", at=0)
        self.assertTrue(encodeEntries([entry], "e").startswith(b"id: e:5\nevent: edited\ndata: {"))

    @given(st.text(), st.text(min_size=1, max_size=32))
    def test_anyText(self, text: str, sender: str) -> None:
        """
        No text breaks the framing of the stream.
        """
        message = Message(room="dev", seq=5, sender=sender, text=text, at=0)
        try:
            encoded = encodeEntries([message], "e")
        except UnicodeEncodeError:  # surrogates, which the chat refuses
            return
        lines = encoded.split(b"\n")
        self.assertEqual((lines[0], lines[2:]), (b"id: e:5", [b"", b""]))
        self.assertNotIn(b"\r", encoded)
        self.assertEqual(msgspec.json.decode(lines[1][6:], type=Message), message)

    @given(
        st.text(st.characters(exclude_characters=":"), min_size=1, max_size=64),
        st.integers(0, 10**15 - 1),
    )
    def test_ids(self, epoch: str, seq: int) -> None:
        """
        An id is read as the position that it was made from.
        """
        self.assertEqual(readId(f"{epoch}:{seq}"), Position(epoch, seq))

    @given(st.text())
    def test_anyId(self, text: str) -> None:
        """
        Any other id stands for a position that no room covers.
        """
        found = readId(text)
        self.assertTrue(found == NOWHERE or f"{found.epoch}:" in text)


class EmptyTests(SynchronousTestCase):
    """
    Tests for a room that nobody is in.
    """

    def test_listensOnly(self) -> None:
        """
        A listener keeps a room open, and receives what is published.
        """
        api = MemoryApi()
        source = Source(api.stream("room=new"))
        api.call("publish", room="new", text="hi")
        self.assertEqual(source.texts(), ["hi"])
        source.client.close()
        self.assertEqual(list(api.chat.service.rooms), [])
        member = MemoryMember("Mina")
        joined = self.successResultOf(api.chat.service.join(member, "new", history=1))
        self.assertEqual([each.text for each in joined.replay], ["hi"])
