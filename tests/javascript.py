"""
Support for the tests of C{client.js} in Node.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.processes import PATIENCE
from tools import npm

#: The command for TypeScript's compiler, if C{npx} has downloaded it before.
TYPESCRIPT = ("npx", "--offline", *npm.TYPESCRIPT[1:])


def node() -> str:
    """
    @return: the program
    @raise SkipTest: Node 20 or later is not installed
    """
    found = shutil.which("node")
    if found is None or version(found) < 20:
        raise SkipTest("Node 20 is not installed")
    return found


@cache
def version(program: str) -> int:
    """
    @return: the major version of a Node
    """
    command = [program, "-p", "process.versions.node"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return int(done.stdout.partition(".")[0])


def succeeds(*command: str, cwd: Path | None = None) -> bool:
    """
    @return: whether the command is installed and exits with status 0
    """
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(command, cwd=cwd, check=False, timeout=PATIENCE, capture_output=True)
    return done.returncode == 0


def installed(folder: Path, *others: str) -> None:
    """
    Make an npm project in which the package is installed.

    @param folder: a new folder
    @param others: other packages to install, if C{npm} has downloaded them before
    @raise SkipTest: one of them is missing
    """
    package = folder / "node_modules" / "machat-client"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"type": "module", "private": True}))
    if others:
        options = ("--offline", "--silent", "--no-audit", "--no-fund")
        if not succeeds("npm", "install", *options, *others, cwd=folder):
            raise SkipTest(f"npm cannot install {' '.join(others)} without the network")
    package.mkdir(parents=True)
    npm.copy(package)


def websocketOption(program: str) -> list[str]:
    """
    @return: the option with which Node 20 has a global C{WebSocket}, as later versions have
    """
    return ["--experimental-websocket"] if version(program) < 22 else []


def environment() -> dict[str, str]:
    """
    @return: the environment for Node, without colours
    """
    return {**os.environ, "NO_COLOR": "1", "NODE_NO_WARNINGS": "1"}
