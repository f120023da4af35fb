"""
Tests for servers that share a store, one of which is stopped, is killed, or has another clock.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt

from tests.clocks import fakeTime
from tests.processes import (
    BIN,
    LOCAL,
    ROOT,
    Closed,
    RawClient,
    ServerTestCase,
    connect,
    portsOf,
    start,
    stop,
    waitForLine,
    withOptions,
)
from tests.store.redis.engine import ABSENT, sharedEngine

#: The key that signs tokens.
SECRET = "0123456789abcdef" * 2

#: Starts C{twistd} with short leases.
HASTY = (sys.executable, "-m", "tests.store.redis.hasty")


class SeparatedCase(ServerTestCase):
    """
    Servers with the same store.
    """

    if ABSENT:
        skip = ABSENT

    def begin(self, command: Sequence[object], *options: object) -> Any:
        """
        @param command: starts C{twistd}
        @return: a server and its port
        """
        store = f"redis:{sharedEngine().socket}?prefix={self._testMethodName.replace('_', '')}"
        common = ("-n", "--pidfile=", "-l", "-", "machat")
        words = withOptions("--store", store, "--tcp", LOCAL, *options)
        server = self.stopAtEnd(start(*command, *common, *words, cwd=ROOT))
        return server, portsOf(server, "ChatFactory")[0]

    def client(self, port: int, name: str, **more: Any) -> tuple[RawClient, dict[str, Any]]:
        """
        @return: a client, and the answer to its join
        """
        client = RawClient(connect(port))
        self.addCleanup(client.close)
        client.send(v=1, name=name, **more)
        client.session = client.await_("welcome")["session"]  # type: ignore[attr-defined]
        client.send(type="join", room="dev")
        answer = client.read()
        return client, answer

    def answer(self, client: RawClient, text: str, **more: Any) -> dict[str, Any]:
        """
        @return: the answer to a message
        """
        client.send(type="say", room="dev", text=text, id=text, **more)
        while (event := client.read())["type"] not in ("ack", "error"):
            pass
        found: dict[str, Any] = event
        return found


class LeaseTests(SeparatedCase):
    def test_resumed(self) -> None:
        """
        A server that was stopped for longer than its lease closes the connections of members whose
        names others have taken meanwhile. The other members stay.
        """
        server, port = self.begin(HASTY)
        _, other = self.begin(HASTY)
        mina, _ = self.client(port, "Mina")
        ada, _ = self.client(port, "Ada")
        server.send_signal(signal.SIGSTOP)
        self.addCleanup(server.send_signal, signal.SIGCONT)
        thief, answer = self.client(other, "MINA")
        while answer["type"] != "joined":
            self.assertEqual(answer["code"], "name-taken")
            time.sleep(0.1)
            thief.send(type="join", room="dev")
            answer = thief.read()
        server.send_signal(signal.SIGCONT)
        bye = mina.await_("bye")
        self.assertEqual((bye["code"], bye["reconnect"]), (3010, True))
        self.assertEqual(self.answer(ada, "hello")["type"], "ack")
        self.assertEqual(thief.await_("message")["text"], "hello")
        self.assertEqual(stop(server)[0], 0)


class WorkerTests(SeparatedCase):
    def test_killed(self) -> None:
        """
        A client of a killed worker has its name at once in a new connection.
        """
        server, port = self.begin([BIN / "twistd"], "--workers", "2")
        waitForLine(server, "all 2 workers are ready")
        mina, _ = self.client(port, "Mina")
        line = waitForLine(server, "Mina joins dev")
        number = int(line.partition("[worker ")[2].split()[0])
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        os.kill(int(children[number - 1]), signal.SIGKILL)
        with self.assertRaises((Closed, ConnectionError)):
            mina.await_("bye")
        session = mina.session  # type: ignore[attr-defined]
        answer: dict[str, Any] = {}
        while not answer:
            # A connection in the queue of the killed worker may be reset.
            with contextlib.suppress(Closed, ConnectionError):
                _, answer = self.client(port, "Mina", session=session)
        self.assertEqual((answer["type"], answer.get("members")), ("joined", ["Mina"]))


class ClockTests(SeparatedCase):
    """
    The clock of one server is an hour ahead.
    """

    if not fakeTime():
        skip = "libfaketime is not installed"

    def test_hour(self) -> None:
        """
        Messages have one order and the time of the engine. Mutes end at the same time on both
        servers, whichever has the moderator.
        """
        secret = Path(self.mktemp())
        secret.write_text(SECRET)
        options = ("--auth", f"jwt:keyfile={secret.absolute()}", "--anonymous")
        ahead = ("env", f"LD_PRELOAD={fakeTime()}", "FAKETIME=+1h")
        ports = [self.begin([*clock, BIN / "twistd"], *options)[1] for clock in ((), ahead)]
        claims = {"sub": "Mina", "exp": time.time() + 7200, "mod": True}
        token = jwt.encode(claims, SECRET, "HS256")
        for here, there in ((0, 1), (1, 0)):
            mina, _ = self.client(ports[here], "Mina", token=token)
            ada, _ = self.client(ports[there], f"Ada{here}")
            mina.send(type="mute", room="dev", name=f"Ada{here}", **{"for": 60})
            ada.await_("message")
            self.assertEqual(self.answer(ada, "muted")["code"], "muted")
            mina.send(type="mute", room="dev", name=f"Ada{here}", **{"for": 1})
            while self.answer(ada, f"hello {here}")["type"] == "error":
                time.sleep(0.2)
            self.assertEqual(self.answer(mina, f"hello {here}")["type"], "ack")
            self.assertTrue(self.answer(mina, "hello 0")["duplicate"])
            mina.close()
            ada.close()
        eve, joined = self.client(ports[1], "Eve")
        eve.send(type="history", room="dev", limit=9)
        found = [each for each in eve.await_("history")["messages"] if each["from"] != "machat"]
        self.assertEqual([each["text"] for each in found], [f"hello {n}" for n in (0, 0, 1, 1)])
        for message in found:
            self.assertLess(abs(message["at"] / 1000 - time.time()), 600)
