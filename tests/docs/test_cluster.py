"""
The files in C{deploy/cluster}: HAProxy, two servers and Redis, without containers.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs.test_proxies import NamedClient, overTLS
from tests.processes import (
    ROOT,
    RawClient,
    ServerTestCase,
    connect,
    find,
    freePort,
    makeCertificate,
    readUntil,
    start,
    stop,
    waitForLine,
)
from tests.store.redis.engine import ABSENT, PROGRAM

CLUSTER = ROOT / "deploy" / "cluster"

#: The addresses of the two servers and of HAProxy, all of this machine.
HOSTS = {"machat1": "127.0.0.21", "machat2": "127.0.0.22"}
PROXY = "127.0.0.23"


def command(text: str) -> list[str]:
    """
    @return: the command of the servers in the compose file
    """
    words: list[str] = json.loads(re.findall(r"(?m)^  command: (.*)$", text)[0])
    return words


class ClusterTests(ServerTestCase):
    """
    Tests for the whole configuration, with other addresses and ports.
    """

    if sys.platform != "linux":
        skip = f"{PROXY} is an address of this machine on Linux only"
    elif ABSENT:
        skip = ABSENT

    def setUp(self) -> None:
        self.haproxy = find("haproxy")
        self.ports = {port: freePort() for port in (80, 443, 8990, 8989, 8099, 9898)}
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        short = TemporaryDirectory()  # the path of a socket has a short limit
        self.addCleanup(short.cleanup)
        self.short = Path(short.name)

    def redis(self) -> Path:
        """
        Start Redis with its configuration in another folder, and check that it uses the settings.

        @return: its socket
        """
        text = (CLUSTER / "redis.conf").read_text().replace("/data", str(self.folder))
        file, path = self.folder / "redis.conf", self.short / "redis"
        file.write_text(text)
        self.stopAtEnd(start(PROGRAM, file, "--port", "0", "--unixsocket", path))
        with connect(str(path)) as connection:
            for line in text.splitlines():
                if line and not line.startswith("#"):
                    name, value = line.split()
                    connection.sendall(f"CONFIG GET {name}\r\n".encode())
                    expected = {"2gb": str(2 << 30), '""': ""}.get(value, value)
                    answer = f"*2\r\n${len(name)}\r\n{name}\r\n${len(expected)}\r\n{expected}\r\n"
                    self.assertEqual(readUntil(connection, answer.encode()), answer.encode())
        return path

    def configure(self) -> Path:
        """
        @return: a copy of the configuration of HAProxy
        """
        text = (CLUSTER / "haproxy.cfg").read_text()
        text = re.sub(r"(?m)^ +bind :::.*\n", "", text)
        text = re.sub(r"bind :(\d+)", lambda m: f"bind {PROXY}:{self.ports[int(m[1])]}", text)
        text = re.sub(r"port 9898", f"port {self.ports[9898]}", text)
        for name, host in HOSTS.items():
            for port in (8099, 8989):
                text = text.replace(f"{name}:{port}", f"{host}:{self.ports[port]}")
        both = self.folder / "machat.pem"
        makeCertificate(str(self.folder / "key"), str(self.folder / "certificate"))
        both.write_text((self.folder / "certificate").read_text())
        both.write_text(both.read_text() + (self.folder / "key").read_text())
        file = self.folder / "haproxy.cfg"
        file.write_text(text.replace("/etc/haproxy/machat.pem", str(both)))
        return file

    def node(self, host: str, engine: Path) -> subprocess.Popen[str]:
        """
        @return: a server with the command of the compose file
        """
        words = command((CLUSTER / "compose.yaml").read_text())
        for index, word in enumerate(words):
            found = re.fullmatch(r"((?:haproxy:)?tcp:)(\d+)", word)
            if found:
                words[index] = f"{found[1]}{self.ports[int(found[2])]}:interface={host}"
        words[words.index("--store") + 1] = f"redis:{engine}"
        server = self.serve(*words)
        waitForLine(server, "ChatWebSocketFactory (PROXY) starting on")
        return server

    def lines(self) -> RawClient:
        """
        @return: a line client over TLS
        """
        return RawClient(overTLS(connect(self.ports[8990], PROXY)))

    def enter(self, client: RawClient, name: str, **more: str) -> tuple[RawClient, str]:
        """
        @return: the client, which has joined a room, and its secret for a takeover
        """
        self.addCleanup(client.close)
        client.send(v=1, name=name, room="dev", **more)
        session: str = client.await_("welcome")["session"]
        client.await_("joined")
        return client, session

    def test_cluster(self) -> None:
        """
        HAProxy divides the clients between the servers. After one has stopped, its clients continue
        on the other one.
        """
        engine = self.redis()
        first, second = (self.node(host, engine) for host in HOSTS.values())
        file = self.configure()
        checked = subprocess.run([self.haproxy, "-c", "-f", file], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.stopAtEnd(start(self.haproxy, "-db", "-f", file))
        mina, session = self.enter(self.lines(), "Mina")
        bob, _ = self.enter(self.lines(), "Bob")
        self.enter(NamedClient(overTLS(connect(self.ports[443], PROXY))), "Ada")
        waitForLine(first, "Mina joins dev from 127.0.0.1:")
        waitForLine(second, "Bob joins dev from 127.0.0.1:")
        status, out, err = stop(first)
        self.assertEqual(status, 0, out + err)
        self.assertEqual(mina.await_("bye")["code"], 3001)
        again, _ = self.enter(self.lines(), "Mina", session=session)
        again.send(type="say", text="back")
        self.assertEqual(bob.await_("message")["from"], "Mina")
