"""
Tests for workers that share a store: a real C{twistd machat --workers --store redis:}.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from typing import Any

from tests.processes import (
    LOCAL,
    Closed,
    RawClient,
    ServerTestCase,
    connect,
    portsOf,
    stop,
    waitForLine,
)
from tests.store.redis.engine import ABSENT, sharedEngine


class Talker:
    """
    A client that reconnects with its name, and recovers.

    @ivar heard: the texts that it has received
    """

    def __init__(self, port: int, name: str) -> None:
        self._port = port
        self._name = name
        self._session: str | None = None
        self._since: dict[str, Any] | None = None
        self.heard: list[str] = []
        self.recovered = True
        self._join()

    def _join(self) -> None:
        while True:
            self._client = RawClient(connect(self._port))
            try:
                secret = {"session": self._session} if self._session else {}
                self._client.send(v=1, name=self._name, **secret)
                session = self._client.await_("welcome")["session"]
                since = {"since": self._since} if self._since else {}
                self._client.send(type="join", room="dev", **since)
                joined = self._client.read()
            except (Closed, ConnectionError):
                joined = {"type": "closed"}
            if joined["type"] == "joined":
                break
            self._client.close()
        self.recovered = self.recovered and joined.get("recovered", True)
        self._session = session
        self._since = self._since or {"epoch": joined["epoch"], "seq": joined["seq"]}

    def _read(self) -> Any:
        event = self._client.read()
        if event["type"] == "message":
            assert self._since is not None
            self._since["seq"] = event["seq"]
            self.heard.append(event["text"])
        return event

    def say(self, text: str) -> None:
        """
        Send a message, again after each reconnection, until it is acknowledged.
        """
        while True:
            try:
                self._client.send(type="say", room="dev", text=text, id=text)
                while (event := self._read())["type"] != "ack" or event["id"] != text:
                    pass
            except (Closed, ConnectionError):
                self._client.close()
                self._join()
            else:
                return

    def hear(self, text: str) -> None:
        """
        Read until this message has arrived.

        @raise TimeoutError: it does not arrive
        """
        while text not in self.heard:
            try:
                self._read()
            except (Closed, ConnectionError):
                self._client.close()
                self._join()

    def close(self) -> None:
        self._client.close()


class TogetherTests(ServerTestCase):
    """
    Two workers form one chat.
    """

    if ABSENT:
        skip = ABSENT

    def wait(self, server: subprocess.Popen[str], lines: list[str]) -> None:
        """
        Add the line about the end of the rolling restart, when it is there.
        """
        lines.append(waitForLine(server, "rolling restart of the workers is complete"))

    def test_rollingRestart(self) -> None:
        """
        During a rolling restart, every acknowledged message is delivered exactly once and in order,
        also to clients of the other worker, which recover. No connection is refused.
        """
        store = f"redis:{sharedEngine().socket}?prefix=together"
        server = self.serve(
            *("--workers", "2", "--store", store, "--tcp", LOCAL, "--ws", "none"),
            *("--log-messages", "10000", "--max-history", "10000"),
        )
        (port,) = portsOf(server, "ChatFactory")
        waitForLine(server, "all 2 workers are ready")
        talkers = [Talker(port, name) for name in ("Mina", "Ada", "Bob", "Eve")]
        for talker in talkers:
            self.addCleanup(talker.close)
        lines: list[str] = []
        complete = threading.Thread(target=self.wait, args=(server, lines))
        server.send_signal(signal.SIGUSR2)
        complete.start()
        said = 0
        while complete.is_alive() or said < 10:
            said += 1
            talkers[0].say(str(said))
            complete.join(0.02)
        self.assertTrue(lines)
        talkers[0].say("last")
        expected = [*map(str, range(1, said + 1)), "last"]
        for talker in talkers:
            talker.hear("last")
            self.assertEqual(talker.heard, expected)
            self.assertTrue(talker.recovered)
            talker.close()
        status, out, err = stop(server)
        self.assertEqual(status, 0, out + err)
        self.assertNotIn("Traceback", out + err)
