"""
Tests for webhooks with real processes: the server, and the receiver of C{examples}.
"""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from pathlib import Path

from tests.processes import (
    BIN,
    LOCAL,
    ROOT,
    RawClient,
    ServerTestCase,
    freePort,
    portsOf,
    start,
    waitForLine,
)


class ProcessTests(ServerTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.secret = self.folder / "secret"
        self.secret.write_text(f"{b64encode(b'x' * 32).decode()}\n")
        self.port = freePort()

    def chat(self) -> tuple[subprocess.Popen[str], RawClient]:
        """
        @return: the chat, and a client in it
        """
        store = f"sqlite:{self.folder / 'chat.sqlite'}"
        server = self.serve(
            *("--tcp", LOCAL, "--ws", "none", "--store", store),
            *("--webhook", f"http://127.0.0.1:{self.port}/", "--webhook-secret-file", self.secret),
        )
        client = RawClient(portsOf(server, "ChatFactory")[0])
        self.addCleanup(client.close)
        client.send(v=1, name="Mina", room="dev")
        client.await_("joined")
        return server, client

    def receiver(self) -> subprocess.Popen[str]:
        """
        @return: the receiver
        """
        program = ROOT / "examples" / "webhook_receiver.py"
        options = ("--secret-file", self.secret, "--port", self.port)
        return self.stopAtEnd(start(BIN / "python", program, *options))

    def say(self, client: RawClient, numbers: range) -> None:
        """
        Send messages, and wait until they are stored.
        """
        for number in numbers:
            client.send(type="say", text=str(number), id=str(number))
        for _ in numbers:
            client.await_("ack")

    def until(self, receiver: subprocess.Popen[str], last: int) -> list[int]:
        """
        @return: the messages that the receiver prints, up to this one
        """
        found: list[int] = []
        while last not in found:
            event = json.loads(waitForLine(receiver, "message"))
            if event["type"] == "message":
                found.append(int(event["text"]))
        return found

    def test_killed(self) -> None:
        """
        Nothing is lost, and the order is kept, although the receiver is killed and started again,
        and the server is killed in between.
        """
        receiver = self.receiver()
        server, client = self.chat()
        self.say(client, range(20))
        self.assertEqual(self.until(receiver, 19), list(range(20)))
        receiver.kill()
        receiver.wait()
        self.say(client, range(20, 160))
        server.kill()
        server.wait()
        server, client = self.chat()
        self.say(client, range(160, 180))
        waitForLine(server, "does not accept events: connection refused; start the receiver")
        found = self.until(self.receiver(), 179)
        self.assertLessEqual(found[0], 20)
        self.assertEqual(found, list(range(found[0], 180)))
