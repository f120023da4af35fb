"""
Tests for L{machat.api.resource}, and for the endpoints.
"""

from __future__ import annotations

from math import inf

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from machat.api import ApiLimits, limits, resource
from machat.api.endpoints import ENDPOINTS
from machat.api.limits import Counts
from machat.errors import ChatError
from machat.events import Redacted
from machat.hooks import Hooks
from machat.interfaces import IChatMember
from machat.limits import DEFAULTS
from machat.monitor import Monitor
from machat.session import costs
from tests.api.clients import SECRET, MemoryApi, keyOf


class Silent(Hooks):
    """
    Hooks that never answer.
    """

    def authorizeSay(self, member: IChatMember, room: str, text: str) -> Deferred[str]:
        return Deferred()


class PublishTests(SynchronousTestCase):
    """
    Tests for C{publish} and C{broadcast}.
    """

    def setUp(self) -> None:
        self.api = MemoryApi()
        self.mina = self.api.chat.member("Mina", "dev")

    def test_publish(self) -> None:
        """
        The answer has the position of the message, which the members receive.
        """
        answer = self.api.call("publish", room="dev", text="hi", by="Django", id="1")
        self.assertEqual(answer.status, 200)
        self.assertEqual((answer.json["seq"], answer.json["duplicate"]), (1, False))
        again = self.api.call("publish", room="dev", text="hi", by="Django", id="1")
        self.assertEqual(again.json, {**answer.json, "duplicate": True})
        self.assertEqual(self.mina.received(), ["Django:hi"])
        epoch = self.api.call("history", room="dev").json["epoch"]
        self.assertEqual(answer.json["epoch"], epoch)

    def test_rich(self) -> None:
        """
        A message may have several lines, data, and a reply.
        """
        self.api.call("publish", room="dev", text="a\nb")
        answer = self.api.call("publish", room="dev", text="c", data={"x": [1]}, reply=1)
        self.assertEqual(answer.json["seq"], 2)
        first, second = self.api.call("history", room="dev").json["messages"]
        self.assertEqual(first["text"], "a\nb")
        self.assertEqual((second["data"], second["reply"]), ({"x": [1]}, 1))
        self.api.call("broadcast", rooms=["dev", "x"], text="d", data={"y": 2})
        self.assertEqual(self.mina.messages[-1].data, {"y": 2})
        for fields, status, code in (
            ({"reply": 9}, 404, "no-such-message"),
            ({"data": {"x": "y" * 5000}}, 413, "too-long"),
            ({"data": [1]}, 400, "bad-command"),
            ({"text": "\n" * 100}, 413, "too-long"),
        ):
            answer = self.api.call("publish", **{"room": "dev", "text": "x", **fields})
            self.assertEqual((answer.status, answer.code), (status, code), fields)

    def test_changes(self) -> None:
        """
        Messages of a sender can be edited and redacted, and all messages reacted to.
        """
        call, room = self.api.call, {"room": "dev"}
        call("publish", **room, text="one", by="Django")
        self.assertEqual(call("edit", **room, target=1, text="two", by="django").json["seq"], 2)
        thumb = {**room, "target": 1, "emoji": "\U0001f44d"}
        self.assertEqual(call("react", **thumb, by="Ada", id="1").json["seq"], 3)
        self.assertTrue(call("react", **thumb, by="Ada", id="1").json["duplicate"])
        (found,) = call("history", **room).json["messages"]
        self.assertEqual((found["text"], found["edited"]), ("two", True))
        self.assertEqual(found["reactions"], {"\U0001f44d": ["Ada"]})
        call("react", **thumb, by="Ada", remove=True)
        call("redact", **room, target=1, reason="spam")
        (found,) = call("history", **room).json["messages"]
        self.assertEqual((found["text"], found["redacted"]), ("", True))
        redacted = self.mina.events[-1]
        assert isinstance(redacted, Redacted)
        self.assertEqual((redacted.sender, redacted.author), ("bot", "Django"))

    def test_foreignChanges(self) -> None:
        """
        A key without the right to moderate changes only messages of the sender, and other changes
        that members could not make are refused.
        """
        self.api.call("publish", room="dev", text="one", by="Django")
        self.api.keys.replace([keyOf(rights="publish")])
        for name, fields, status, code in (
            ("edit", {"text": "x"}, 403, "not-allowed"),
            ("redact", {}, 403, "not-allowed"),
            ("redact", {"by": "Django", "reason": "a\nb"}, 400, "bad-command"),
            ("edit", {"text": "x", "by": "Django", "target": 9}, 404, "no-such-message"),
            ("edit", {"text": "x" * 70_000, "by": "Django"}, 413, "too-long"),
            ("react", {"emoji": "x"}, 400, "bad-command"),
            ("react", {"emoji": "\U0001f44d", "by": "machat"}, 400, "bad-name"),
        ):
            answer = self.api.call(name, **{"room": "dev", "target": 1, **fields})
            self.assertEqual((answer.status, answer.code), (status, code), (name, fields))
        self.api.chat.clock.advance(DEFAULTS.editTime + 1)
        answer = self.api.call("edit", room="dev", target=1, text="x", by="Django")
        self.assertEqual(answer.code, "not-allowed")

    def test_shares(self) -> None:
        """
        A key that fills many rooms cannot remove the messages of clients on this machine.
        """
        limits = replace(DEFAULTS, logTotal=100_000)
        api = MemoryApi(limits)
        ada = api.chat.member("Ada", "small")
        api.chat.service.say(ada, "small", "keep this")
        api.chat.turn()
        api.chat.service.leave(ada, "small")
        for number in range(100):
            api.call("publish", room=f"room{number}", text="x" * 5_000)
        found = api.call("history", room="small").json["messages"]
        self.assertEqual([each["text"] for each in found], ["keep this"])

    def test_label(self) -> None:
        """
        The label of the key is the default sender.
        """
        self.api.call("publish", room="dev", text="hi")
        self.assertEqual(self.mina.received(), ["bot:hi"])

    def test_retries(self) -> None:
        """
        A hundred requests with one id at the same time send one message.
        """
        body = msgspec.json.encode({"room": "dev", "text": "hi", "id": "1"})
        clients = [self.api.client() for _ in range(100)]
        for client in clients:
            client.send("POST", "/api/publish", body, X_API_Key=SECRET)
        self.api.chat.turn()
        answers = [client.response().json for client in clients]
        self.assertEqual({each["seq"] for each in answers}, {1})
        self.assertEqual([each["duplicate"] for each in answers].count(False), 1)
        self.assertEqual(self.mina.received(), ["bot:hi"])

    def test_oneSequence(self) -> None:
        """
        Messages of the API, of TCP clients and of WebSockets have one sequence of numbers.
        """
        tcp, ws = self.api.chat.tcp("Bob", "dev"), self.api.chat.ws("Zoe", "dev")
        tcp.send("one")
        self.api.call("publish", room="dev", text="two")
        ws.send("three")
        self.api.chat.turn()
        found = self.api.call("history", room="dev").json["messages"]
        self.assertEqual(
            [(each["seq"], each["from"], each["text"]) for each in found],
            [(1, "Bob", "one"), (2, "bot", "two"), (3, "Zoe", "three")],
        )

    def test_broadcast(self) -> None:
        """
        Each room has its own result.
        """
        self.api.call("mute", room="b", name="bot", seconds=60)
        answer = self.api.call("broadcast", rooms=["dev", "b", "c"], text="hi", id="1")
        found = answer.json["responses"]
        self.assertEqual([each["room"] for each in found], ["dev", "b", "c"])
        self.assertEqual([each.get("seq") for each in found], [1, None, 1])
        self.assertEqual(found[1]["error"]["code"], "muted")

    def test_size(self) -> None:
        """
        A text is measured in UTF-8. A longer one, and a longer body, are refused; neither is
        stored.
        """
        most = DEFAULTS.maxLine
        self.assertEqual(
            self.api.call("publish", room="a", text="\u00e4" * (most // 2)).status, 200
        )
        long = self.api.call("publish", room="dev", text="\u00e4" * (most // 2) + "x")
        self.assertEqual((long.status, long.code), (413, "too-long"))
        huge = self.api.post("publish", b" " * 10_485_760)
        self.assertEqual((huge.status, huge.code), (413, "too-long"))
        self.assertEqual(self.mina.received(), [])

    def test_store(self) -> None:
        """
        If the store is down, the status is 503, with the time after which to retry.
        """
        self.api.chat.cut()
        client = self.api.client()
        client.send("POST", "/api/publish", b'{"room":"x","text":"hi"}', X_API_Key=SECRET)
        self.api.chat.clock.advance(10)
        answer = client.response()
        self.assertEqual((answer.status, answer.code), (503, "failed"))
        self.assertEqual(answer.fields["retry-after"], "1")

    def test_tooLate(self) -> None:
        """
        A request that takes too long is answered, and may have been carried out.
        """
        self.api = MemoryApi(hooks=Silent())
        client = self.api.client()
        client.send("POST", "/api/publish", b'{"room":"x","text":"hi"}', X_API_Key=SECRET)
        self.api.chat.clock.advance(30)
        answer = client.response()
        self.assertEqual((answer.status, answer.code), (503, "unknown"))


class ReadTests(SynchronousTestCase):
    """
    Tests for the endpoints that read.
    """

    def setUp(self) -> None:
        self.api = MemoryApi()
        self.api.chat.member("Mina", "dev")

    def test_presence(self) -> None:
        """
        The names in a room are listed; a key is not among them.
        """
        self.api.call("publish", room="dev", text="hi")
        found = self.api.call("presence", room="DEV").json
        self.assertEqual(found, {"room": "dev", "count": 1, "members": ["Mina"]})
        self.assertEqual(self.api.call("presence", room="new").json["members"], [])

    def test_rooms(self) -> None:
        """
        The rooms of the key's pattern are listed.
        """
        self.api.chat.member("Mina", "ops")
        self.api.keys.replace([keyOf(rights="read", rooms="o*")])
        found = self.api.call("rooms").json
        self.assertEqual(found, {"count": 1, "rooms": [{"room": "ops", "names": 1, "seq": 0}]})
        self.assertEqual(self.api.post("rooms", b"").json, found)

    def test_history(self) -> None:
        """
        Messages are read from both ends.
        """
        for text in ("one", "two", "three"):
            self.api.call("publish", room="dev", text=text)
        for fields, expected in (({"limit": 1}, ["three"]), ({"after": 1, "limit": 1}, ["two"])):
            found = self.api.call("history", room="dev", **fields).json["messages"]
            self.assertEqual([each["text"] for each in found], expected)


class ModerateTests(SynchronousTestCase):
    """
    Tests for the endpoints that moderate.
    """

    def setUp(self) -> None:
        self.api = MemoryApi()
        self.mina = self.api.chat.member("Mina", "dev")

    def test_actions(self) -> None:
        """
        Each action of a moderator is carried out, and announced in the name of the key or of a
        user.
        """
        bob = self.api.chat.member("Bob", "dev")
        for name, fields, words in (
            ("lock", {}, "bot locked the room"),
            ("unlock", {"by": "Ada"}, "Ada unlocked the room"),
            ("topic", {"text": "tea"}, "bot set the topic: tea"),
            (
                "mute",
                {"name": "x", "seconds": 60, "reason": "spam"},
                "bot muted x for 1 minute: spam",
            ),
            ("unmute", {"name": "x"}, "bot unmuted x"),
            ("ban", {"name": "x"}, "bot banned x for 1 hour"),
            ("unban", {"name": "x"}, "bot unbanned x"),
            ("kick", {"name": "mina"}, "bot kicked mina"),
        ):
            answer = self.api.call(name, room="dev", **fields)
            self.assertEqual((answer.status, answer.json), (200, {}), name)
            self.assertEqual(bob.received(), [f"machat:moderator {words}"])
        self.assertEqual(self.api.chat.service.metrics.moderations["kick"], 1)

    def test_sanctions(self) -> None:
        """
        The active sanctions of a room are listed, without addresses.
        """
        self.api.call("ban", room="dev", name="Bob", seconds=60)
        found = self.api.call("sanctions", room="dev").json
        expected = {"kind": "ban", "name": "Bob", "until": 60_000, "by": "bot"}
        self.assertEqual(found, {"room": "dev", "sanctions": [expected]})

    def test_address(self) -> None:
        """
        A ban can include the addresses of a name.
        """
        answer = self.api.call("ban", room="dev", name="Mina", address=True)
        self.assertEqual((answer.status, answer.code), (403, "not-allowed"))

    def test_absent(self) -> None:
        """
        An action against a name that is not in the room, or in an empty room, has the status 404.
        """
        for name, fields in (
            ("kick", {"room": "dev", "name": "Bob"}),
            ("kick", {"room": "new", "name": "Bob"}),
            ("lock", {"room": "new"}),
        ):
            answer = self.api.call(name, **fields)
            self.assertEqual((answer.status, answer.code), (404, "not-joined"))

    def test_disconnect(self) -> None:
        """
        All connections of a name are closed. Only a key for all rooms may do that.
        """
        bob = self.api.chat.tcp("Bob", "dev")
        self.api.chat.tcp("Zoe", "dev")
        self.assertEqual(self.api.call("disconnect", name="BOB").json, {"connections": 1})
        self.assertIn("bye removed", "".join(bob.received()))
        self.api.keys.replace([keyOf(rooms="dev")])
        self.assertEqual(self.api.call("disconnect", name="Zoe").status, 403)


class AccessTests(SynchronousTestCase):
    """
    Tests for keys and rights.
    """

    def setUp(self) -> None:
        self.api = MemoryApi()

    def test_forms(self) -> None:
        """
        A key may be in either header field.
        """
        for fields in (
            {"X_API_Key": SECRET},
            {"Authorization": f"Bearer {SECRET}"},
            {"Authorization": f"bearer {SECRET}"},
        ):
            client = self.api.client()
            client.send("POST", "/api/rooms", b"{}", **fields)
            self.assertEqual(client.response().status, 200, fields)

    def test_wrong(self) -> None:
        """
        A missing, wrong or revoked key is refused, with the same answer.
        """
        wrong = [self.api.call("rooms", secret) for secret in (None, "", "x" * 5000, SECRET[:-1])]
        self.api.keys.replace([])
        wrong.append(self.api.call("rooms"))
        for answer in wrong:
            self.assertEqual((answer.status, answer.code), (401, "bad-credentials"))
            self.assertEqual(answer.fields["www-authenticate"], 'Bearer realm="machat"')
        self.assertEqual(len({answer.body for answer in wrong}), 1)

    def test_failures(self) -> None:
        """
        Many wrong keys are answered with 429, but the owner of a valid key at the same address is
        not affected.
        """
        found = [self.api.call("rooms", "wrong").status for _ in range(22)]
        self.assertEqual(found, [401] * 20 + [429] * 2)
        self.assertEqual(self.api.call("rooms").status, 200)
        self.api.chat.clock.advance(60)
        self.assertEqual(self.api.call("rooms", "wrong").status, 401)

    def test_rights(self) -> None:
        """
        Each endpoint requires its right, and the room must match the pattern of the key.
        """
        for right in ("publish", "read", "moderate"):
            self.api.keys.replace([keyOf(rights=right)])
            for name, endpoint in ENDPOINTS.items():
                status = self.api.post(name, b"?").status
                self.assertEqual(status, 400 if endpoint.right == right else 403, (right, name))
        self.api.keys.replace([keyOf(rooms="ops*,Dev")])
        for room, status in (("ops-1", 200), ("OPS", 200), ("dev", 200), ("devs", 403)):
            self.assertEqual(self.api.call("history", room=room).status, status)
        for other, status in (("other", 403), (" ", 400)):
            answer = self.api.call("broadcast", rooms=["dev", other], text="hi")
            self.assertEqual(answer.status, status)
        self.assertEqual(self.api.call("history", room="dev").json["seq"], 0)

    def test_secrets(self) -> None:
        """
        No key and no text appears in an error or in the metrics.
        """
        for name, body in (("rooms", b"{"), ("rooms", b'{"x":1}'), ("publish", b'{"room":1}')):
            self.assertNotIn(SECRET.encode(), self.api.post(name, body).body)
        self.assertNotIn(SECRET, str(self.api.chat.service.metrics.requests))

    def test_log(self) -> None:
        """
        Each request is logged with the label of its key, but without secrets, rooms and texts.
        """
        with capturedLogs() as logged:
            self.api.call("publish", room="dev", text="hello")
            self.api.call("publish", "wrong-secret", room="dev", text="hello")
        text = "\n".join([formatEvent(event) for event in logged])
        self.assertIn("API publish by bot from 127.0.0.1:1: 200, 0.0 ms", text)
        self.assertIn("the key is missing, wrong or revoked", text)
        for secret in (SECRET, "wrong-secret", "hello"):
            self.assertNotIn(secret, text)


class LimitTests(SynchronousTestCase):
    """
    Tests for the limits of the API.
    """

    def test_rate(self) -> None:
        """
        A key above its rate is refused with the time after which to retry, and other keys are not
        affected. A broadcast counts once for each room.
        """
        api = MemoryApi(api=ApiLimits(rate=2.0, burst=4))
        other = "machat_other"
        api.keys.replace([keyOf(), keyOf(other, "other")])
        self.assertEqual(api.call("broadcast", rooms=["a", "b", "c"], text="hi").status, 200)
        self.assertEqual(api.call("broadcast", rooms=["a", "b", "c"], text="hi").status, 429)
        answer = api.call("rooms")
        self.assertEqual((answer.status, answer.code), (429, "busy"))
        self.assertEqual((answer.fields["retry-after"], answer.json["error"]["retry"]), ("1", 0.5))
        self.assertEqual(api.call("rooms", other).status, 200)
        api.chat.clock.advance(0.5)
        self.assertEqual(api.call("rooms").status, 200)

    def test_manyRooms(self) -> None:
        """
        A list of many rooms counts as several requests, because each room is examined.
        """
        self.patch(resource, "EXAMINED", 2)
        api = MemoryApi(api=ApiLimits(rate=2.0, burst=4))
        for number in range(6):
            api.chat.member("Mina", f"room{number}")
        self.assertEqual([api.call("rooms").status for _ in range(2)], [200, 429])

    def test_manyEntries(self) -> None:
        """
        A history counts once more for each 512 entries that the server reads for it.
        """
        self.patch(costs, "ENTRIES", 2)
        api = MemoryApi(api=ApiLimits(rate=2.0, burst=8))
        api.call("broadcast", rooms=["dev"] * 4, text="hi")
        found = [api.call("history", room="dev").status for _ in range(3)]
        self.assertEqual(found, [200, 200, 429])

    def test_manyNetworks(self) -> None:
        """
        The number of networks whose rates are known is bounded. If there are too many, all rates
        are forgotten.
        """
        self.patch(limits, "_NETWORKS", 3)
        counts = Counts(Clock(), ApiLimits(rate=1.0, burst=1))
        for payer in ("a", "b", "c"):
            counts.charge(payer)
        self.assertRaises(ChatError, counts.charge, "a")
        counts.charge("d")
        counts.charge("a")
        self.assertEqual(set(counts._buckets), {"d", "a"})

    def test_manyAtOnce(self) -> None:
        """
        Of 1,010 requests at once, 1,000 are carried out and the others are refused. Nothing is
        left over.
        """
        api = MemoryApi(
            replace(DEFAULTS, roomRate=inf),
            ApiLimits(rate=inf, connections=2_000),
        )
        api.chat.lag(1.0)
        clients = [api.client() for _ in range(1_010)]
        for client in clients:
            client.send("POST", "/api/publish", b'{"room":"dev","text":"x"}', X_API_Key=SECRET)
        refused = [client.response() for client in clients[1_000:]]
        self.assertEqual({(each.status, each.code) for each in refused}, {(429, "busy")})
        api.chat.clock.pump([1.0] * 5)
        self.assertEqual({client.response().status for client in clients[:1_000]}, {200})
        self.assertEqual(list(api.chat.service.rooms), [])
        idle = api.resource.whenIdle()
        self.successResultOf(idle)

    def test_metrics(self) -> None:
        """
        Requests are counted by endpoint and status, whatever the client writes into the path.
        """
        api = MemoryApi()
        api.call("publish", room="dev", text="hi")
        api.call("publish", room="dev")
        for path in ("unknown", "x" * 999):
            self.assertEqual(api.call(path).status, 404)
        counted = api.chat.service.metrics.requests
        self.assertEqual(
            dict(counted),
            {("publish", "200"): 1, ("publish", "400"): 1, ("other", "404"): 2},
        )
        self.assertEqual(sum(api.chat.service.metrics.requestSeconds["publish"].counts), 2)
        samples = {
            (each.name, each.labels["endpoint"], each.labels.get("status")): each.value
            for family in Monitor(api.chat.clock, [api.chat.service]).collector.collect()
            for each in family.samples
            if each.name in ("machat_api_requests_total", "machat_api_seconds_count")
        }
        self.assertEqual(samples["machat_api_requests_total", "publish", "400"], 1)
        self.assertEqual(samples["machat_api_seconds_count", "publish", None], 2)


class PathTests(SynchronousTestCase):
    """
    Tests for paths, methods and origins.
    """

    def setUp(self) -> None:
        self.api = MemoryApi(origins=("https://app.example.com",))

    def test_methods(self) -> None:
        """
        Other methods have the status 405, and C{OPTIONS} lists the right ones.
        """
        for method, path, allowed in (
            ("GET", "/api/publish", "POST, OPTIONS"),
            ("POST", "/api/events", "GET, HEAD, OPTIONS"),
            ("DELETE", "/api/openapi.json", "GET, HEAD, OPTIONS"),
        ):
            client = self.api.client()
            client.send(method, path, X_API_Key=SECRET)
            answer = client.response()
            self.assertEqual((answer.status, answer.fields["allow"]), (405, allowed))
            client.send("OPTIONS", path)
            answer = client.response()
            self.assertEqual((answer.status, answer.fields["allow"]), (204, allowed))

    def test_elsewhere(self) -> None:
        """
        Other paths have the status 404, with the place of the API.
        """
        for path in ("/", "/x", "/api", "/api/", "/api/publish/x", "/api/%00"):
            client = self.api.client()
            client.send("POST", path, b"{}", X_API_Key=SECRET)
            self.assertEqual(client.response().status, 404, path)

    def test_origins(self) -> None:
        """
        Pages of other origins are refused unless they are allowed; those of the same host are
        allowed.
        """
        for origin, status in (
            ("https://app.example.com", 200),
            ("http://localhost", 200),
            ("https://evil.example", 403),
            ("null", 403),
        ):
            client = self.api.client()
            client.send("POST", "/api/rooms", b"{}", Origin=origin, X_API_Key=SECRET)
            answer = client.response()
            self.assertEqual(answer.status, status, origin)
            readable = answer.fields.get("access-control-allow-origin")
            self.assertEqual(readable, origin if status == 200 else None)
            client.send("OPTIONS", "/api/rooms", Origin=origin)
            answer = client.response()
            self.assertEqual(answer.status, 204 if status == 200 else 403)
            self.assertEqual("access-control-allow-headers" in answer.fields, status == 200)

    def test_proxy(self) -> None:
        """
        Behind a trusted proxy, the client's address is that of the header field.
        """
        api = MemoryApi(proxies=1)
        for address in ("192.0.2.1", "192.0.2.2"):
            for expected in [401] * 20 + [429]:
                client = api.client()
                client.send("POST", "/api/rooms", b"{}", X_Forwarded_For=address)
                self.assertEqual(client.response().status, expected)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)
_FIELDS = ("room", "rooms", "text", "name", "from", "id", "for", "limit", "before", "reason")


class BodyTests(SynchronousTestCase):
    """
    Any body has an answer in JSON, and none raises an exception.
    """

    def setUp(self) -> None:
        self.api = MemoryApi(api=ApiLimits(rate=inf))

    def check(self, name: str, body: bytes) -> None:
        answer = self.api.post(name, body)
        self.assertIn(answer.status, (200, 400, 403, 404, 413), body)
        self.assertEqual("error" in answer.json, answer.status != 200)

    @settings(max_examples=50, deadline=None)
    @given(st.sampled_from([*ENDPOINTS]), st.binary(max_size=100))
    def test_bytes(self, name: str, body: bytes) -> None:
        """
        Any bytes.
        """
        self.check(name, body)

    @settings(max_examples=50, deadline=None)
    @given(st.sampled_from([*ENDPOINTS]), st.dictionaries(st.sampled_from(_FIELDS), _JSON))
    def test_values(self, name: str, fields: dict[str, object]) -> None:
        """
        Any values of known fields.
        """
        self.check(name, msgspec.json.encode(fields))

    def test_nested(self) -> None:
        """
        Deeply nested JSON.
        """
        for body in (b"[" * 200_000, b'{"room":' * 25_000, b'{"text":' + b"[" * 100_000):
            self.check("publish", body)

    def test_misspelled(self) -> None:
        """
        An unknown field is refused, and named.
        """
        answer = self.api.post("publish", b'{"room":"dev","text":"x","form":"Mina"}')
        self.assertEqual((answer.status, answer.code), (400, "bad-command"))
        self.assertIn("`form`", answer.json["error"]["message"])
