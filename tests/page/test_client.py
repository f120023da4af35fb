"""
Browser tests of the page's client module, which any page can use.
"""

from __future__ import annotations

import json
from typing import Any

from tests.browser import PageTestCase, Sockets, Way, expect, freePort, waitFor
from tests.documents import ALL
from tests.webserver import Quiet, serveRequests

#: Counts the active timers.
TIMERS = """
window.timers = new Set();
const { setTimeout: start, clearTimeout: stop } = window;
window.setTimeout = (call, delay) => {
    const timer = start(() => { timers.delete(timer); call(); }, delay);
    timers.add(timer);
    return timer;
};
window.clearTimeout = (timer) => { timers.delete(timer); stop(timer); };
"""

#: Creates a client, and records its events.
MAKE = """async (options) => {
    const { Client } = await import("/client.js");
    window.client = new Client(`ws://${location.host}/mychat`, options);
    window.told = [];
    for (const type of ["state", "message", "joined", "gap", "left", "error", "bye", "expiring"])
        client.addEventListener(type, ({ detail }) => told.push([type, detail]));
}"""

#: Joins a room, loses the connection, and has the server refuse to rejoin it with a code.
REJOIN = """async (code) => {
    const { Rooms } = await import("/rooms.js");
    const { ChatError } = await import("/membership.js");
    const { platformWith } = await import("/platform.js");
    const requests = { put: (command, waiting) => joins.push(waiting), ask: async () => {} };
    const outgoing = { sendMore() {}, refuse() {} };
    window.joins = [];
    window.told = [];
    const rooms = new Rooms(
        platformWith(), requests, outgoing, () => true, (type) => told.push(type));
    rooms.join("dev", 0);
    joins[0].resolve({ room: "dev", epoch: "e", seq: 0 });
    rooms.lost();
    rooms.welcomed();
    joins[1].reject(new ChatError(code, "refused"));
    window.rooms = rooms;
}"""

#: Returns the result of a promise.
OUTCOME = (
    ".then((value) => (window.outcome = { value }), ({ code }) => (window.outcome = { code }))"
)


class ClientTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.page = self.blank()
        self.page.add_init_script(TIMERS)

    def client(self, way: Way | None = None, **options: object) -> None:
        """
        Create C{client}, for Mina, whose connections use this way.
        """
        self.page.goto(f"http://127.0.0.1:{way.port if way else self.ws}/")
        self.page.evaluate(MAKE, {"name": "Mina", **options})

    def outcome(self, promise: str) -> Any:
        """
        @return: a dictionary with the C{value} of the promise, or the C{code} of its error
        """
        self.page.evaluate(f"(window.outcome = null, {promise}{OUTCOME}, null)")
        waitFor(self.page, "() => window.outcome")
        return self.page.evaluate("window.outcome")

    def states(self) -> list[str]:
        """
        @return: the past connection states
        """
        found: list[str] = self.page.evaluate(
            "told.filter(([type]) => type === 'state').map(([, detail]) => detail.state)"
        )
        return found

    def test_rejoinFailed(self) -> None:
        """
        A room that cannot be rejoined because of a temporary failure is kept, and joined again
        after a second; any other refusal ends the membership.
        """
        self.page.goto(f"http://127.0.0.1:{self.ws}/")
        self.page.evaluate(REJOIN, "failed")
        self.assertEqual(self.page.evaluate("rooms.names"), ["dev"])
        waitFor(self.page, "() => joins.length === 3")
        joined = {"room": "dev", "epoch": "e", "seq": 0, "recovered": True}
        self.page.evaluate("(joined) => joins[2].resolve(joined)", joined)
        self.assertEqual(self.page.evaluate("told"), ["joined", "joined"])
        self.assertEqual(self.page.evaluate("timers.size"), 0)
        self.page.evaluate(REJOIN, "room-locked")
        self.assertEqual(self.page.evaluate("rooms.names"), [])
        self.assertEqual(self.page.evaluate("told"), ["joined", "left"])

    def test_talk(self) -> None:
        """
        The client joins, posts, receives events, requests history and members, and leaves.
        """
        self.client()
        self.page.evaluate("client.open()")
        for _ in range(2):
            self.assertEqual(self.outcome("client.join('dev')")["value"]["name"], "Mina")
        receipt = self.outcome("client.say('dev', 'hello')")["value"]
        self.assertEqual((receipt["seq"], receipt["duplicate"]), (1, False))
        asked = self.outcome("client.history('dev', { limit: 5 })")["value"]
        self.assertEqual([each["text"] for each in asked["messages"]], ["hello"])
        self.assertEqual(self.outcome("client.who('dev')")["value"]["members"], ["Mina"])
        self.assertEqual(
            self.page.evaluate("[client.state.state, client.rooms]"), ["online", ["dev"]]
        )
        self.page.evaluate("client.leave('DEV')")
        self.assertEqual(self.outcome("client.say('dev', 'gone')"), {"code": "not-joined"})
        self.assertEqual(self.page.evaluate("client.rooms"), [])

    def test_extras(self) -> None:
        """
        A message can have several lines, an object for programs, and the number of the message that
        it answers. The object is sent as it was when C{say} was called.
        """
        self.client()
        self.page.evaluate("client.open()")
        self.outcome("client.join('dev')")
        self.outcome("client.say('dev', 'tea?')")
        say = "client.say('dev', 'yes:\\n2 x', { reply: 1, data: order })"
        self.page.evaluate("window.order = { tea: [2] }")
        self.outcome(f"(() => {{ const said = {say}; order.tea = []; return said; }})()")
        told = self.page.evaluate("told.at(-1)[1]")
        self.assertEqual((told["text"], told["reply"]), ("yes:\n2 x", 1))
        self.assertEqual(told["data"], {"tea": [2]})

    def test_refusals(self) -> None:
        """
        A refused call rejects with the server's code or the client's own, and no promise stays
        pending forever.
        """
        self.client()
        self.assertEqual(self.outcome("client.join('dev')"), {"code": "ended"})
        self.page.evaluate("client.open()")
        self.assertEqual(self.outcome("client.join('a b')"), {"code": "bad-room"})
        self.assertEqual(self.outcome("client.who('dev')"), {"code": "not-joined"})
        self.outcome("client.join('dev')")
        large = "client.say('dev', '', { data: { x: 'y'.repeat(5_000) } })"
        self.assertEqual(self.outcome(large), {"code": "too-long"})
        self.assertEqual(
            self.outcome("client.say('dev', 'x'.repeat(65_536))"), {"code": "too-long"}
        )
        half = self.outcome("client.say('dev', 'half \\ud83d')")
        self.assertEqual(half["value"]["seq"], 1)
        self.assertEqual(self.page.evaluate("told.at(-1)[1].text"), "half \ufffd")

    def test_close(self) -> None:
        """
        After C{close} no timer is active in any state, and pending promises are rejected; the
        client can be opened again, and rejoins its rooms.
        """
        way = self.way()
        self.client(way)
        for state in ("online", "waiting"):
            self.page.evaluate("client.open()")
            self.outcome("client.join('dev')")
            if state == "waiting":
                way.block()
            waitFor(self.page, "(state) => client.state.state === state", state)
            late = "client.say('dev', 'too late').catch(({ code }) => code)"
            self.page.evaluate(f"(window.late = {late}, client.close(), null)")
            self.assertEqual(self.page.evaluate("late"), "ended")
            self.assertEqual(self.page.evaluate("[timers.size, client.unacknowledged]"), [0, 0])
            self.assertEqual(self.page.evaluate("client.state.state"), "ended")

    def test_bounded(self) -> None:
        """
        Without a connection a bounded number of messages wait, each with its own id, and all are
        posted in order after the reconnect.
        """
        way = self.way()
        self.client(way)
        self.page.evaluate("client.open()")
        self.outcome("client.join('dev')")
        way.block()
        waitFor(self.page, "() => client.state.state !== 'online'")
        codes = self.page.evaluate(
            """async () => {
                window.said = Array.from({ length: 1_100 }, (_, n) => client.say("dev", `${n}`));
                for (const each of said) each.catch(() => {});
                const late = await Promise.allSettled(said.slice(1_000));
                return [...new Set(late.map(({ reason }) => reason.code))];
            }"""
        )
        self.assertEqual(codes, ["too-much"])
        way.mend()
        self.page.evaluate("client.retry()")
        waitFor(self.page, "() => client.unacknowledged === 0")
        heard = self.page.evaluate(
            "told.filter(([type]) => type === 'message').map(([, { text }]) => text)"
        )
        self.assertEqual(heard, [str(number) for number in range(1_000)])

    def test_ids(self) -> None:
        """
        No two clients use the same id, even though both count from one.
        """
        sockets = Sockets(self.page)
        for name in ("Mina", "Ada"):
            self.client(name=name)
            self.page.evaluate("client.open()")
            self.outcome("client.join('dev')")
            self.outcome("client.say('dev', 'hello')")
        ids = [each["id"] for each in map(json.loads, sockets.sent) if "id" in each]
        self.assertEqual(len(ids), 4)
        self.assertEqual(len(set(ids)), 4)

    def test_earlier(self) -> None:
        """
        A message to a room and a direct message can have the id and the time of an earlier client.
        """
        self.client()
        known = self.page.evaluate(
            """() => {
                const sent = Date.now() - 5_000;
                client.open();
                client.join("dev").catch(() => {});
                client.say("dev", "hello", { id: "a", sent }).catch(() => {});
                client.direct("Ada", "hello", { id: "b", sent }).catch(() => {});
                return ["a", "b", "c"].map((id) => client.sentAt(id) !== null);
            }"""
        )
        self.assertEqual(known, [True, True, False])

    def test_putOff(self) -> None:
        """
        A stopping server sends a reconnect delay; nothing makes the client reconnect earlier, and
        no server can delay it for long.
        """
        for retry, least, most in ((5, 5, 6), (1e9, 60, 61), (-1, 0, 1), (None, 0, 1)):
            self._bye(retry)
            waits = self.page.evaluate(  # a client with no delay may be connecting again already
                "(client.retry(), (client.state.retryAt ?? Date.now()) - Date.now()) / 1000"
            )
            self.page.evaluate("client.close()")
            self.assertGreater(waits, least - 1)
            self.assertLess(waits, most + 1)

    def _bye(self, retry: float | None) -> None:
        self.page.route_web_socket("**/mychat", lambda line: line.on_message(lambda _: bye(line)))

        def bye(line: Any) -> None:
            line.send(json.dumps({"type": "bye", "code": 3001, "reconnect": True, "retry": retry}))
            line.close(code=3001)

        self.client()
        self.page.evaluate("client.open()")
        waitFor(self.page, "() => client.state.state === 'waiting'")

    def test_ended(self) -> None:
        """
        After a close code of 3500 or higher the client does not reconnect, and reports the reason.
        """
        self.client(name="a:b")
        outcome = self.outcome("(client.open(), client.join('dev'))")
        self.assertEqual(outcome, {"code": "bad-name"})
        self.assertEqual(self.states(), ["connecting", "ended"])
        self.assertEqual(self.page.evaluate("[client.state.code, timers.size]"), [3501, 0])

    def test_example(self) -> None:
        """
        The example page of the documentation works, on a host that the server allows.
        """
        port = freePort()
        self.serveOn("--origin", f"http://localhost:{port}")
        (page,) = [example for example in ALL if example.language == "html"]
        example = page.text.replace("localhost:8099", f"127.0.0.1:{self.ws}")
        self.publish(port, example)
        eve = self.tcpClient("Eve")
        self.page.goto(f"http://localhost:{port}/")
        while "Mina" not in eve.await_("presence")["joined"]:
            pass
        eve.send(type="say", text="hello")
        expect(self.page.locator("li")).to_have_text(["Eve: hello"])
        self.page.get_by_label("Message").press_sequentially("good morning")
        self.page.get_by_label("Message").press("Enter")
        expect(self.page.locator("li")).to_have_text(["Eve: hello", "Mina: good morning"])

    def publish(self, port: int, text: str) -> None:
        """
        Serve one page.
        """

        class Handler(Quiet):
            def do_GET(self) -> None:
                found = self.path == "/"
                self.send_response(200 if found else 204)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(text.encode() if found else b"")

        serveRequests(self, Handler, port)

    def test_credentials(self) -> None:
        """
        Credentials are requested at each connect and when they expire; if none are available, the
        client tries again.
        """
        heard: list[dict[str, Any]] = []
        self.page.route_web_socket(
            "**/mychat", lambda line: line.on_message(lambda data: self._answer(line, data, heard))
        )
        self.client()
        self.page.evaluate(
            """async () => {
                const { Client } = await import("/client.js");
                const asked = (window.asked = []);
                window.client = new Client("ws://127.0.0.1/mychat", {
                    name: "Mina",
                    async credentials(why) {
                        if (asked.push(why) === 1) throw new Error("not yet");
                        return { token: `token ${asked.length}` };
                    },
                });
                client.addEventListener("expiring", () => (window.expired = true));
                client.open();
            }"""
        )
        waitFor(self.page, "() => window.expired && asked.length === 3")
        while len(heard) < 2:
            self.page.wait_for_timeout(10)
        self.assertEqual(self.page.evaluate("asked"), ["connect", "connect", "expiring"])
        self.assertEqual([each["token"] for each in heard], ["token 2", "token 3"])
        self.assertEqual(heard[1]["type"], "auth")

    def _answer(self, line: Any, data: str, heard: list[dict[str, Any]]) -> None:
        heard.append(json.loads(data))
        if "v" in heard[-1]:
            line.send(json.dumps({"type": "welcome", "v": 1, "session": "s", "limits": {}}))
            line.send(json.dumps({"type": "expiring", "seconds": 60}))
