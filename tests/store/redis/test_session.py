"""
Tests for L{machat.store.redis.session}, with real servers: over TCP, over TLS, and with Sentinel.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from machat.events import Draft
from machat.store.redis import Location, RedisStore
from machat.store.redis.location import Host
from machat.testing.contract.witness import Witness
from tests.processes import PATIENCE, freePort, makeCertificate
from tests.store.redis.engine import ABSENT, PROGRAM, Engine


def hasTls() -> bool:
    """
    @return: whether the server was built with TLS
    """
    program = Path(PROGRAM or shutil.which("valkey-server") or "")
    return b"No tls-cert-file configured" in program.read_bytes()


class SessionTests(TestCase):
    """
    Tests for connecting to an engine.
    """

    skip = ABSENT or None
    timeout = PATIENCE

    def engine(self, *options: str) -> Engine:
        """
        @return: a running engine, which is removed at the end of the test
        """
        engine = Engine(*options)
        self.addCleanup(engine.remove)
        engine.start()
        return engine

    def listening(self, option: str, *options: str) -> tuple[Engine, int]:
        """
        @param option: the option for the port
        @return: a running engine, and its port
        """
        for _ in range(20):  # another process may take the port first
            port = freePort()
            engine = Engine(option, str(port), *options)
            self.addCleanup(engine.remove)
            if engine.begin():
                return engine, port
        raise self.failureException("the engine does not start")

    async def exchange(self, location: Location) -> tuple[RedisStore, Any, Witness]:
        """
        Store a message.

        @return: the store, its room, and the observer of the room
        """
        store = RedisStore(reactor, location)
        await store.start()
        self.addCleanup(store.stop)
        witness = Witness()
        room = await store.open("dev", "dev", witness).addCallback(witness.opened)
        await room.append([Draft("dev", "Mina", "a")])
        self.assertEqual(witness.texts(), ["a"])
        return store, room, witness

    async def refusal(self, location: Location) -> str:
        """
        @return: the reason why a store does not start
        """
        store = RedisStore(reactor, location, deadline=5.0)
        try:
            await store.start()
        except Exception as error:
            return str(error)
        raise self.failureException("it has started")

    async def test_tcp(self) -> None:
        """
        A store connects over TCP. If no engine listens there, the reason names host and port.
        """
        port = freePort()
        location = Location((Host("127.0.0.1", port),))
        reason = await self.refusal(location)
        self.assertIn(f"no connection to 127.0.0.1:{port}: ", reason)
        self.assertNotIn("\n", reason)
        _, port = self.listening("--port")
        await self.exchange(Location((Host("127.0.0.1", port),)))

    async def test_user(self) -> None:
        """
        A user needs no more permissions than the message about a missing one names.
        """
        engine = self.engine()
        engine.command("ACL", "SETUSER", "poor", "on", ">p", "~machat:*", "+@all")
        poor = Location(socket=engine.socket, user="poor", password="p")
        self.assertIn("grant ~machat:* &machat:* ", await self.refusal(poor))
        rights = ["~machat:*", "&machat:*", "+@all", "-@dangerous", "+info", "+role"]
        engine.command("ACL", "SETUSER", "chat", "on", ">p", *rights)
        await self.exchange(Location(socket=engine.socket, user="chat", password="p"))

    async def test_tls(self) -> None:
        """
        Over TLS, the certificate of the engine is verified.
        """
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
        makeCertificate(key, certificate)
        if not hasTls():
            raise SkipTest("this redis-server has no TLS")
        files = ["--tls-cert-file", certificate, "--tls-key-file", key]
        _, port = self.listening("--tls-port", "--tls-auth-clients", "no", *files)
        secure = Location((Host("localhost", port),), tls=True, ca=certificate)
        self.assertIn("certificate", await self.refusal(secure._replace(ca="")))
        await self.exchange(secure)

    async def test_sentinel(self) -> None:
        """
        With Sentinel, the store follows the master. After a failover that lost nothing, members
        notice nothing but the new epoch.
        """
        master, first = self.listening("--port")
        replica, _ = self.listening("--port", "--replicaof", "127.0.0.1", str(first))
        port = self.sentinel(replica, first)
        location = Location((Host("127.0.0.1", port),), sentinel="main")
        store, room, witness = await self.exchange(location)
        while replica.command("EXISTS", "machat:{dev}:log") != b":1":
            await deferLater(reactor, 0.02)
        master.kill()
        while True:
            try:
                await room.append([Draft("dev", "Mina", "b", "1")])
                break
            except Exception:
                self.assertFalse(store.health().up)
        self.assertEqual([complete for _, complete in witness.moves], [True])
        self.assertEqual((witness.texts(), witness.faults), (["a", "b"], []))

    def sentinel(self, engine: Engine, master: int) -> int:
        """
        Start a Sentinel, which ends with the test.

        @return: its port
        """
        for _ in range(20):  # another process may take the port first
            port = freePort()
            file = engine.folder / "sentinel.conf"
            file.write_text(
                f"port {port}\ndir {engine.folder}\n"
                f"sentinel monitor main 127.0.0.1 {master} 1\n"
                "sentinel down-after-milliseconds main 300\n"
                "sentinel failover-timeout main 2000\n"
            )
            command = [PROGRAM or "valkey-server", str(file), "--sentinel"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.addCleanup(process.communicate)
            self.addCleanup(process.kill)
            assert process.stdout is not None
            for line in process.stdout:
                if "Sentinel ID is" in line or "+monitor" in line:
                    return port
        raise self.failureException("Sentinel does not start")
