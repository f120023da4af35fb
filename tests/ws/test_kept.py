"""
Tests for L{machat.ws.kept} with curl.
"""

from __future__ import annotations

import subprocess

from tests.processes import PATIENCE, ServerTestCase, find


class CurlTests(ServerTestCase):
    """
    Tests with a real server.
    """

    def curl(self, *arguments: str) -> list[str]:
        """
        @return: a line for each request: the number of new connections, and the status
        """
        curl = (find("curl"), "-s", "-w", "%{num_connects} %{http_code}\n", *arguments)
        done = subprocess.run(curl, check=True, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout.splitlines()

    def test_connections(self) -> None:
        """
        Several files are transferred on one connection, unless the client asks for its end. The
        connection is closed after an answer of one line.
        """
        _, _, port = self.serveBoth()
        files = [f"http://127.0.0.1:{port}{path}" for path in ("/", "/icon.svg", "/x", "/icon.svg")]
        into = ["-o", "/dev/null"] * 4
        self.assertEqual(self.curl(*into, *files), ["1 200", "0 200", "0 404", "1 200"])
        closing = self.curl(*into, "-H", "Connection: close", *files[:2])
        self.assertEqual(closing, ["1 200", "1 200"])
        self.assertEqual(self.curl(*into, "--http1.0", *files[:2]), ["1 200", "1 200"])
