"""
Tests for servers that share a store: two real C{twistd machat --store redis:}.
"""

from __future__ import annotations

import json
import time
from typing import Any

import jwt

from tests.processes import (
    LOCAL,
    RawClient,
    ServerTestCase,
    askMonitor,
    portsOf,
    stop,
    waitForLine,
)
from tests.store.redis.engine import ABSENT, Engine

#: The key that signs tokens.
SECRET = "0123456789abcdef" * 2


class NodesTests(ServerTestCase):
    """
    Tests for two servers with one store.
    """

    if ABSENT:
        skip = ABSENT

    def setUp(self) -> None:
        self.engine = Engine()
        self.addCleanup(self.engine.remove)
        self.engine.start()
        self.secret = self.engine.folder / "secret"
        self.secret.write_text(SECRET)
        self.servers = [self.serveNode() for _ in range(2)]
        ports = [portsOf(server, "_Site", "ChatFactory") for server in self.servers]
        self.monitors, self.ports = zip(*ports, strict=True)

    def serveNode(self) -> Any:
        return self.serve(
            *("--store", f"redis:{self.engine.socket}", "--tcp", LOCAL, "--ws", "none"),
            *("--monitor", LOCAL, "--max-members", "3"),
            *("--auth", f"jwt:keyfile={self.secret}", "--anonymous"),
        )

    def hello(self, node: int, name: str, **more: Any) -> tuple[RawClient, str]:
        """
        @return: a client of a server, and its secret for a takeover
        """
        client = RawClient(self.ports[node])
        self.addCleanup(client.close)
        client.send(v=1, name=name, **more)
        return client, client.await_("welcome")["session"]

    def join(self, client: RawClient, **more: Any) -> dict[str, Any]:
        """
        @return: the answer
        """
        client.send(**{"type": "join", "room": "dev", **more})
        answer: dict[str, Any] = client.read()
        return answer

    def ask(self, node: int, path: str) -> tuple[int, str]:
        """
        @return: the answer of a monitor
        """
        return askMonitor(self.monitors[node], path)

    def test_chat(self) -> None:
        """
        The servers form one chat: numbers, names, ids, recovery, the limit of members, and a
        takeover of a connection on the other server, whose client does not reconnect.
        """
        mina, session = self.hello(0, "Mina")
        ada, _ = self.hello(1, "Ada")
        self.join(mina)
        self.assertEqual(self.join(ada)["members"], ["Mina", "Ada"])
        mina.send(type="say", room="dev", text="hello", id="1")
        self.assertEqual(ada.await_("message")["text"], "hello")
        mina.await_("ack")
        second, _ = self.hello(1, "MINA")
        self.assertEqual(self.join(second)["code"], "name-taken")
        moved, _ = self.hello(1, "Mina", session=session)
        joined = self.join(moved, history=1)
        self.assertEqual(moved.read()["text"], "hello")
        self.assertEqual(mina.await_("bye")["code"], 3521)
        moved.send(type="say", room="dev", text="hello", id="1")
        self.assertTrue(moved.await_("ack")["duplicate"])
        bob, _ = self.hello(0, "Bob")
        since = {"epoch": joined["epoch"], "seq": 0}
        self.assertTrue(self.join(bob, since=since)["recovered"])
        cy, _ = self.hello(1, "Cy")
        self.assertEqual(self.join(cy)["code"], "room-full")
        self.assertTrue(self.join(cy, room="ops"))
        # After the answer of the server with the room, Redis knows it too.
        rooms = {node: json.loads(self.ask(node, "/rooms")[1])["rooms"] for node in (1, 0)}
        dev, ops = {"room": "dev", "names": 3, "seq": 1}, {"room": "ops", "names": 1, "seq": 0}
        self.assertEqual(rooms[0], [{**dev, "members": 1}, {**ops, "members": 0}])
        self.assertEqual(rooms[1], [{**dev, "members": 2}, {**ops, "members": 1}])

    def test_moderation(self) -> None:
        """
        The commands of a moderator apply to the members on the other server.
        """
        claims = {"sub": "Mina", "exp": time.time() + 600, "mod": True}
        token = jwt.encode(claims, SECRET, "HS256")
        mina, _ = self.hello(0, "Mina", token=token)
        ada, _ = self.hello(1, "Ada")
        bob, _ = self.hello(1, "Bob")
        for client in (mina, ada, bob):
            self.join(client)
        mina.send(type="topic", room="dev", text="release")
        self.assertEqual(ada.await_("room")["topic"], "release")
        mina.send(type="mute", room="dev", name="Ada")
        self.assertIn("muted Ada", ada.await_("message")["text"])
        ada.send(type="say", room="dev", text="hello")
        self.assertEqual(ada.await_("error")["code"], "muted")
        mina.send(type="ban", room="dev", name="Bob")
        self.assertEqual(bob.await_("left")["room"], "dev")
        self.assertIn("banned until", self.join(bob)["text"])

    def test_engine(self) -> None:
        """
        While the engine is not available, the servers state for how long. They stop with status 0.
        """
        mina, _ = self.hello(0, "Mina")
        self.join(mina)
        self.assertEqual(self.ask(0, "/readyz"), (200, "ready\n"))
        self.engine.kill()
        waitForLine(self.servers[0], "the store is down: ")
        status, text = self.ask(0, "/readyz")
        self.assertEqual(status, 503)
        self.assertRegex(text, r"^the store is down for \d+ s: .*check the engine and the network")
        self.assertEqual(self.ask(0, "/healthz")[0], 200)
        metrics = self.ask(0, "/metrics")[1]
        self.assertIn("machat_store_up 0.0\n", metrics)
        self.assertRegex(metrics, r"\nmachat_store_down_seconds (?!0\.0\n)")
        self.engine.start()
        waitForLine(self.servers[0], "the store is up, after ")
        mina.send(type="say", room="dev", text="hello")
        self.assertEqual(mina.await_("message")["seq"], 1)
        for server in self.servers:
            status, out, err = stop(server)
            self.assertEqual(status, 0, out + err)
