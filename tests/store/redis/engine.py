"""
A real C{redis-server} or C{valkey-server} for tests.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

from tests.processes import PATIENCE

#: The program: set C{MACHAT_REDIS_SERVER} to test with another one.
PROGRAM = os.environ.get("MACHAT_REDIS_SERVER") or shutil.which("redis-server")

#: Why these tests are skipped.
ABSENT = "" if PROGRAM or shutil.which("valkey-server") else "redis-server is not installed"


class Engine:
    """
    A server that listens on a UNIX socket in a folder of its own.

    @ivar socket: the path of the socket
    @ivar folder: the folder with its data
    @ivar password: the password that it requires after the next start
    """

    def __init__(self, *options: str) -> None:
        """
        @param options: more options for its command line
        """
        self.folder = Path(tempfile.mkdtemp(prefix="machat-"))
        self.socket = str(self.folder / "s")
        self._options = options
        self.password: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Start the server, and wait until it answers.
        """
        if not self.begin():
            raise AssertionError("the engine does not start")

    def begin(self) -> bool:
        """
        Start the server, and wait until it answers.

        @return: whether it has started
        """
        command = [PROGRAM or "valkey-server", "--port", "0", "--unixsocket", self.socket]
        command += ["--dir", str(self.folder), "--save", "", "--appendonly", "yes"]
        command += ["--appendfsync", "no", *self._options]
        if self.password is not None:
            command += ["--requirepass", self.password]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if self.command("PING").startswith((b"+PONG", b"-NOAUTH")):
                    return True
            except OSError:
                pass
            if self._process.poll() is not None:
                break
            time.sleep(0.005)
        return False

    def command(self, *words: str) -> bytes:
        """
        Send a command.

        @return: the first line of the reply
        """
        with self.begun(*words) as connection:
            return connection.recv(65536).split(b"\r\n")[0]

    def begun(self, *words: str) -> socket.socket:
        """
        Send a command, and do not wait for the reply.

        @return: the connection
        """
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(self.socket)
        connection.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
        return connection

    def pause(self) -> None:
        """
        Let the server stop working, with its connections open.
        """
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """
        Let the server continue.
        """
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """
        Kill the server. Its data remains.
        """
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _signal(self, number: int) -> None:
        assert self._process is not None, "the engine is not running"
        self._process.send_signal(number)

    def backUp(self) -> Path:
        """
        @return: a copy of the data, of this moment
        """
        copy = Path(tempfile.mkdtemp(prefix="copy-", dir=self.folder))
        data = copy / "appendonlydir"
        shutil.copytree(self.folder / "appendonlydir", data)
        return data

    def restore(self, data: Path | None) -> None:
        """
        Kill the server, and start it with a copy of its data.

        @param data: the copy; C{None}: without data
        """
        self.kill()
        shutil.rmtree(self.folder / "appendonlydir")
        if data is not None:
            shutil.copytree(data, self.folder / "appendonlydir")
        self.start()

    def remove(self) -> None:
        """
        Kill the server, and delete its data.
        """
        if self._process is not None:
            self.resume()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def sharedEngine() -> Engine:
    """
    @return: a server for all tests of this process, each of which uses a prefix of its own
    """
    engine = Engine()
    atexit.register(engine.remove)
    engine.start()
    return engine
