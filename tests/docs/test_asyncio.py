"""
The examples of C{docs/asyncio.rst}, run as a user runs them.
"""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from unittest import skipUnless
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.processes import (
    BIN,
    LOCAL,
    PATIENCE,
    ROOT,
    RawClient,
    ServerTestCase,
    portsOf,
    start,
    waitForLine,
)

EXAMPLES = ROOT / "examples"


class AsyncioExampleTests(ServerTestCase):
    def setUp(self) -> None:
        self.server = self.serve("--tcp", LOCAL)
        (self.port,) = portsOf(self.server, "ChatFactory")

    def join(self, room: str) -> RawClient:
        """
        @return: a client that is in this room
        """
        client = RawClient(self.port)
        self.addCleanup(client.close)
        client.send(v=1, name="Ada", room=room, presence=False)
        self.assertEqual([client.read()["type"], client.read()["type"]], ["welcome", "joined"])
        return client

    def test_bot(self) -> None:
        """
        The bot greets.
        """
        ada = self.join("dev")
        self.stopAtEnd(start(BIN / "python", EXAMPLES / "asyncio_bot.py", f"localhost:{self.port}"))
        self.assertEqual(ada.read()["text"], "Here I am.")
        ada.send(type="say", text="!hello")
        self.assertEqual([ada.read()["text"] for _ in range(2)], ["!hello", "Hello, Ada!"])

    def test_poll(self) -> None:
        """
        The bot counts the votes.
        """
        ada = self.join("dev")
        ada.send(type="who", room="dev")
        self.stopAtEnd(
            start(BIN / "python", EXAMPLES / "asyncio_poll.py", f"localhost:{self.port}")
        )
        while ada.read()["count"] < 2:
            ada.send(type="who", room="dev")
        ada.send(type="say", text="!poll Tea?")
        self.assertEqual(ada.read()["seq"], 1)
        question = ada.read()
        self.assertEqual((question["text"], question["reply"]), ("Tea?", 1))
        for remove, count in ((False, 1), (True, 0)):
            ada.send(type="react", target=2, emoji="👍", remove=remove)
            reacted, edited = ada.read(), ada.read()
            self.assertEqual((reacted["type"], edited["type"]), ("reacted", "edited"))
            self.assertEqual(edited["text"], f"Tea?\n👍 {count}  👎 0")

    @skipUnless(find_spec("fastapi") and find_spec("uvicorn"), "FastAPI or uvicorn is missing")
    def test_fastapi(self) -> None:
        """
        A site posts to a room and shows its messages, and reports a refusal.
        """
        ada = self.join("news")
        self.patch(os, "environ", {**os.environ, "CHAT": f"localhost:{self.port}"})
        site = EXAMPLES / "with_fastapi.py"
        command = (BIN / "python", "-m", "uvicorn", f"{site.stem}:app", "--port", "0")
        process = self.stopAtEnd(start(*command, cwd=EXAMPLES))
        assert process.stderr is not None
        line = waitForLine(process, "running on", process.stderr)
        url = line.partition(" on ")[2].split()[0] + "/news"
        self.assertEqual(self.post(url, "hello"), {"seq": 1})
        self.assertEqual(ada.read()["text"], "hello")
        with urlopen(url, timeout=PATIENCE) as answer:
            self.assertEqual(json.load(answer), [{"from": "site", "text": "hello"}])
        with self.assertRaises(HTTPError) as caught:
            self.post(url, "x" * 70_000)
        self.assertEqual(caught.exception.code, 502)
        self.assertIn("too-long", caught.exception.read().decode())

    def post(self, url: str, text: str) -> object:
        """
        @return: the site's answer
        """
        request = Request(
            url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)
