"""
A server with an HTTP API, as a process.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.processes import LOCAL, ServerTestCase, portsOf


def makeKey(path: Path, label: str = "bot", rights: str = "publish,read,moderate") -> str:
    """
    Add a key to a file with C{machat-apikey}.

    @return: the key
    """
    command = [sys.executable, "-m", "machat.cli.apikey", "--file", str(path), "--label", label]
    done = subprocess.run(
        [*command, "--rights", rights], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class ApiTestCase(ServerTestCase):
    """
    Tests with a real server.

    @ivar folder: a folder for files
    @ivar key: an API key
    @ivar url: the URL of the API without its path
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.key = makeKey(self.folder / "keys")

    def serveApi(self, *arguments: object) -> None:
        """
        Start the server.
        """
        keys = self.folder / "keys"
        self.server = self.serve(
            "--tcp", LOCAL, "--ws", "none", "--api", LOCAL, "--api-keys", keys, *arguments
        )
        self.tcp, self.port = portsOf(self.server, "ChatFactory", "ApiSite")
        self.url = f"http://127.0.0.1:{self.port}"
