"""
Another web server, whose pages have another origin than the chat's.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase


class Empty(BaseHTTPRequestHandler):
    """
    Serves an empty page only.
    """

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """
        Log nothing.
        """


def elsewhere(case: SynchronousTestCase) -> int:
    """
    @return: the port at which a server serves an empty page until the end of the test
    """
    server = HTTPServer(("127.0.0.1", 0), Empty)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    case.addCleanup(thread.join)
    case.addCleanup(server.server_close)
    case.addCleanup(server.shutdown)
    return int(server.server_port)
