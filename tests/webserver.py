"""
Web servers in a thread, for tests of programs that make HTTP requests.
"""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase


class Quiet(BaseHTTPRequestHandler):
    """
    The base class of handlers that log nothing.
    """

    def log_message(self, format: str, *args: object) -> None:
        """
        Log nothing.
        """


class Posted(NamedTuple):
    """
    A C{POST} request.
    """

    path: str
    headers: dict[str, str]
    body: bytes


def serveRequests(
    case: SynchronousTestCase, handler: Callable[..., BaseHTTPRequestHandler], port: int = 0
) -> int:
    """
    Serve HTTP until the end of a test.

    @param handler: makes the handler of a connection
    @param port: the port; 0: any free one
    @return: the port
    """
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    case.addCleanup(thread.join)
    case.addCleanup(server.server_close)
    case.addCleanup(server.shutdown)
    return int(server.server_port)


def acceptPosts(case: SynchronousTestCase) -> tuple[int, list[Posted]]:
    """
    Answer all C{POST} requests with 204.

    @return: the port; and the requests, to which each new one is added
    """
    posted: list[Posted] = []

    class Accepting(Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            posted.append(Posted(self.path, dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

    return serveRequests(case, Accepting), posted
