"""
The HTTP API, event streams and webhooks of several processes on one port.
"""

from __future__ import annotations

import json
import re
import signal
from base64 import b64encode
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.api.servers import makeKey
from tests.processes import (
    LOCAL,
    PATIENCE,
    ServerTestCase,
    askMonitor,
    portsOf,
    stop,
    waitForLine,
)
from tests.store.redis.engine import ABSENT, Engine
from tests.webserver import acceptPosts


class WorkersTests(ServerTestCase):
    if ABSENT:
        skip = ABSENT

    def setUp(self) -> None:
        self.engine = Engine()
        self.addCleanup(self.engine.remove)
        self.engine.start()
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()

    def publish(self, url: str, key: str, text: str) -> int:
        """
        Send a message on a connection of its own.

        @return: the status of the answer
        """
        body = json.dumps({"room": "dev", "text": text, "id": text}).encode()
        try:
            with urlopen(Request(url, body, {"X-API-Key": key}), timeout=PATIENCE) as answer:
                status: int = answer.status
        except HTTPError as error:
            with error:
                status = error.code
        return status

    def test_workers(self) -> None:
        """
        Both processes answer requests, read the keys again, and share metrics. Each message is
        stored and delivered to the webhook once, and nothing is lost at the stop.
        """
        webhook, posted = acceptPosts(self)
        keys, secret = self.folder / "keys", self.folder / "secret"
        old = makeKey(keys, "old")
        secret.write_bytes(b64encode(b"x" * 32))
        server = self.serve(
            *("--workers", "2", "--tcp", "none", "--ws", "none", "--monitor", LOCAL),
            *("--store", f"redis:{self.engine.socket}", "--api", LOCAL, "--api-keys", keys),
            *("--webhook", f"http://127.0.0.1:{webhook}/"),
            *("--webhook-secret-file", secret),
        )
        monitor, port = portsOf(server, "_Site", "ApiSite")
        waitForLine(server, "all 2 workers are ready")
        url = f"http://127.0.0.1:{port}/api/publish"
        texts = [str(number) for number in range(40)]
        self.assertEqual({self.publish(url, old, text) for text in texts}, {200})
        requests = r'machat_api_requests_total{.*status="200".*} (\d+)'
        total = re.findall(requests, askMonitor(monitor, "/metrics")[1])
        each = re.findall(requests, askMonitor(monitor, "/metrics/workers")[1])
        self.assertEqual((total, len(each), sum(map(int, each))), (["40"], 2, 40))
        keys.unlink()
        new = makeKey(keys, "new")
        server.send_signal(signal.SIGHUP)
        waitForLine(server, "reload of the workers is complete")
        self.assertEqual({self.publish(url, new, f"new {text}") for text in texts}, {200})
        self.assertEqual({self.publish(url, old, text) for text in texts[:10]}, {401})
        status, out, _ = stop(server)
        self.assertEqual(status, 0, out)
        events = [each for one in posted for each in json.loads(one.body)["data"]["events"]]
        delivered = [each["text"] for each in events]
        self.assertEqual(delivered, [*texts, *[f"new {text}" for text in texts]])
