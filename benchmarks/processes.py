"""
Starts and stops processes. Each has its own process group, so that its children are stopped too.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO

from benchmarks.peers import FOLDER

#: Maximum time until a server listens, seconds.
_STARTED = 15.0

#: Seconds between SIGTERM and SIGKILL.
_STOPPED = 3.0


class CannotStart(Exception):
    """
    A server exited, or does not listen.
    """


def raiseFileLimit() -> int:
    """
    Raise the soft limit of open files to the hard limit, for this process and its children.

    @return: the limit
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def freePorts(number: int) -> list[int]:
    """
    @return: different unused TCP ports of 127.0.0.1, chosen by the kernel
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


@contextlib.contextmanager
def process(
    command: Sequence[str],
    folder: Path,
    output: int | IO[bytes],
    cores: Collection[int] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run a process with the checkout on its Python path. Stop its process group at the end.

    @param folder: the process writes its standard error to F{errors} in this folder
    @param cores: the CPU cores that it may use; by default all
    """
    paths = [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with open(folder / "errors", "wb") as errors:
        child = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            preexec_fn=None if cores is None else lambda: os.sched_setaffinity(0, cores),
        )
    try:
        yield child
    finally:
        _stop(child)


def _stop(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(_STOPPED)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


@contextlib.contextmanager
def server(
    command: Sequence[str], port: int, folder: Path, cores: Collection[int] | None = None
) -> Iterator[int]:
    """
    Run a server, and wait until it listens on a port. Yield its process number.

    @param cores: the CPU cores that it may use; by default all
    @raise CannotStart: the server exited or does not listen
    """
    with (
        open(folder / "output", "wb") as output,
        process(command, folder, output, cores) as child,
    ):
        deadline = time.monotonic() + _STARTED
        while not _listens(port):
            if child.poll() is not None:
                raise CannotStart(f"exited during startup: {_lastLine(folder)}")
            if time.monotonic() > deadline:
                raise CannotStart(f"does not listen after {_STARTED:.0f} seconds")
            time.sleep(0.02)
        yield child.pid


def coresOf(number: int, cores: Sequence[int]) -> tuple[list[int], list[int]]:
    """
    Divide the cores, so that the nodes of a server compete neither with the load nor with their
    engine. If there are too few cores, nodes share cores.

    @param number: number of nodes
    @param cores: the cores of the machine
    @return: the core of each node, and the cores of the load and of the engine
    """
    most = min(number, max(1, len(cores) - 1))
    return [cores[node % most] for node in range(number)], list(cores[most:] or cores)


def python(module: str, *arguments: str) -> list[str]:
    """
    @return: the command that runs a module of this package
    """
    return [sys.executable, "-m", module, *arguments]


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _lastLine(folder: Path) -> str:
    said = (folder / "output").read_text(errors="replace")
    said += (folder / "errors").read_text(errors="replace")
    return (said.strip().splitlines() or ["no output"])[-1]
