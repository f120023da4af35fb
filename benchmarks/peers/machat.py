"""
MaChat, as its users start it.
"""

from __future__ import annotations

import copy
import functools
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.base import ENGINE, FOLDER, TCP, TLS, WS, Peer, missingModules
from benchmarks.peers.brokers import RedisEngine

#: Options of C{twistd machat}, in addition to its endpoints.
MACHAT_OPTIONS: tuple[str, ...] = ("--rate", "off")

#: This is replaced in an option by a folder for the server's files.
STORE = "{store}"

#: Runs C{twistd} of a checkout. The path of the running checkout must not precede it.
_START = (
    "import sys; root, here = sys.argv[1:3]; "
    "sys.path[:] = [root, *(path for path in sys.path if path not in ('', here))]; "
    "sys.argv[1:3] = []; from twisted.scripts.twistd import run; run()"
)


class MaChat(Peer):
    """
    C{twistd machat}.

    @ivar options: further options of the server. L{STORE} is replaced in them.
    @ivar root: the folder of the checkout
    """

    name = "machat"
    about = "twistd machat"
    dialects = {**TCP, **WS, **TLS}
    stores = True
    options: tuple[str, ...] = ()
    root = FOLDER.parent

    def variant(self, name: str, options: tuple[str, ...] = (), root: Path | None = None) -> MaChat:
        """
        @return: the same server under another name, with further options, or of another checkout
        """
        other = copy.copy(self)
        other.name = name
        other.options = (*self.options, *options)
        other.root = root or self.root
        other.about = " ".join((self.about, *options, *([f"of {root}"] if root else ())))
        return other

    def missing(self, transport: str) -> str | None:
        if not (self.root / "machat").is_dir():
            return f"MaChat in {self.root}"
        modules = missingModules("twisted", "autobahn")
        return modules or (_refused(self.root, self.options) if self.options else None)

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        endpoint = f"tcp:{port}"
        if transport == "tls":
            endpoint = f"ssl:{port}:privateKey={folder}/key.pem:certKey={folder}/certificate.pem"
        endpoints = {"tcp": "none", "ws": "none"}
        endpoints["ws" if transport == "ws" else "tcp"] = (
            f"{endpoint}:interface=127.0.0.1:backlog=4096"
        )
        store = str(folder / "store")
        options = [word.replace(STORE, store) for word in (*MACHAT_OPTIONS, *self.options)]
        ends = ["--tcp", endpoints["tcp"], "--ws", endpoints["ws"]]
        return [*_twistd(self.root), "-n", "--pidfile=", "machat", *options, *ends]


class MaChatEvents(MaChat):
    """
    C{twistd machat}, in its events dialect.
    """

    name = "events"
    about = "twistd machat, in the events dialect"
    dialects = {"tcp": "events", "ws": "event-frames"}
    stores = False


class MaChatSqlite(MaChat):
    """
    C{twistd machat} with its store in a file.
    """

    name = "machat-sqlite"
    about = "twistd machat --store sqlite:FILE"
    options = ("--store", f"sqlite:{STORE}/machat.sqlite")


class MaChatRedis(MaChat):
    """
    C{twistd machat} with its store in Redis.
    """

    name = "machat-redis"
    about = "twistd machat --store redis:"
    options = ("--store", f"redis://127.0.0.1:{ENGINE}/0")
    engine = RedisEngine()

    def missing(self, transport: str) -> str | None:
        return self.engine.missing("tcp") or MaChat.missing(self, transport)


class MaChatNodes(MaChatRedis):
    """
    Two processes of C{twistd machat} with one store in Redis.
    """

    name = "machat-redis-2"
    about = "two nodes of twistd machat --store redis:"
    nodes = 2


def _twistd(root: Path) -> list[str]:
    return [sys.executable, "-c", _START, str(root), str(FOLDER.parent)]


@functools.cache
def _refused(root: Path, options: tuple[str, ...]) -> str | None:
    """
    @return: the error that C{twistd machat --check} reports for these options, or C{None}
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        words = [word.replace(STORE, folder).replace(ENGINE, "6379") for word in options]
        command = [*_twistd(root), "machat", "--check", "--tcp", "none", "--ws", "tcp:0", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode == 0:
        return None
    return ((done.stdout + done.stderr).strip().splitlines() or ["no output"])[-1]
