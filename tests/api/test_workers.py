"""
The HTTP API, event streams and webhooks of several processes on one port.
"""

from __future__ import annotations

import json
import re
import signal
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
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


class WorkersTests(ServerTestCase):
    if ABSENT:
        skip = ABSENT

    def setUp(self) -> None:
        self.engine = Engine()
        self.addCleanup(self.engine.remove)
        self.engine.start()
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.delivered: list[str] = []

    def receive(self) -> int:
        """
        Start a receiver of webhooks.

        @return: its port
        """
        delivered = self.delivered

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                delivered.extend([each["text"] for each in json.loads(body)["data"]["events"]])
                self.send_response(204)
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_port

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
        keys, secret = self.folder / "keys", self.folder / "secret"
        old = makeKey(keys, "old")
        secret.write_bytes(b64encode(b"x" * 32))
        server = self.serve(
            *("--workers", "2", "--tcp", "none", "--ws", "none", "--monitor", LOCAL),
            *("--store", f"redis:{self.engine.socket}", "--api", LOCAL, "--api-keys", keys),
            *("--webhook", f"http://127.0.0.1:{self.receive()}/"),
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
        self.assertEqual(self.delivered, [*texts, *[f"new {text}" for text in texts]])
