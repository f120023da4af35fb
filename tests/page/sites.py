"""
Support for tests of sites that use a chat: their servers, and the keys of the chat's HTTP API.
"""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.processes import BIN, ServerTestCase, portsOf, start, waitForLine


def apiKey(folder: Path, label: str, rights: str) -> str:
    """
    Add a key to the file C{keys} in a folder.

    @return: the key
    """
    words = ["--file", str(folder / "keys"), "--label", label, "--rights", rights]
    command = [str(BIN / "machat-apikey"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def servedBy(server: subprocess.Popen[str]) -> tuple[str, str]:
    """
    @return: the addresses of the page and of the API of a server without lines
    """
    page, api = portsOf(server, "ChatWebSocketFactory", "ApiSite")
    return f"http://localhost:{page}/", f"http://127.0.0.1:{api}/"


def serveWsgi(case: ServerTestCase, folder: Path, app: str, port: int, **variables: str) -> None:
    """
    Serve an application under the WSGI server C{waitress}.

    @param app: C{MODULE:NAME}
    @param variables: of the environment
    @raise SkipTest: a package is missing
    """
    _require("waitress", app)
    assigned = [f"{name}={value}" for name, value in variables.items()]
    waitress = (BIN / "python", "-m", "waitress", f"--listen=127.0.0.1:{port}", app)
    server = case.stopAtEnd(start("env", *assigned, *waitress, cwd=folder))
    waitForLine(server, "Serving on", server.stderr)


def serveAsgi(case: ServerTestCase, folder: Path, app: str, **variables: str) -> str:
    """
    Serve an application under the ASGI server C{uvicorn}.

    @return: its address
    """
    _require("uvicorn", app)
    assigned = [f"{name}={value}" for name, value in variables.items()]
    uvicorn = (BIN / "python", "-m", "uvicorn", app, "--port", "0")
    server = case.stopAtEnd(start("env", *assigned, *uvicorn, cwd=folder))
    line = waitForLine(server, "running on", server.stderr)
    return line.partition(" on ")[2].split()[0]


def _require(server: str, app: str) -> None:
    """
    @raise SkipTest: the server, or the framework of the application, is not installed
    """
    for package in (server, app.partition(":")[0].removeprefix("with_")):
        if find_spec(package) is None:
            raise SkipTest(f"{package} is not installed")
