"""
Another web server, whose pages have another origin than the chat's.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.webserver import Quiet, serveRequests


class Empty(Quiet):
    """
    Serves an empty page only.
    """

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()


def elsewhere(case: SynchronousTestCase) -> int:
    """
    @return: the port at which a server serves an empty page until the end of the test
    """
    return serveRequests(case, Empty)
