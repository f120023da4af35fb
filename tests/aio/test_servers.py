"""
L{machat.aio} with a real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from argon2 import PasswordHasher

from machat.aio import ChatClient, Failed, Room
from machat.commands import Auth
from machat.errors import ChatError
from machat.events import Message
from tests.processes import (
    LOCAL,
    PATIENCE,
    ServerTestCase,
    freePort,
    makeCertificate,
    portsOf,
    readUntil,
)

_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """
    Run a coroutine in a new event loop.
    """
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


async def messages(room: Room, count: int) -> list[tuple[int, str]]:
    """
    @return: the numbers and texts of the next messages
    """
    found: list[tuple[int, str]] = []
    async for event in room:
        if isinstance(event, Message):
            found.append((event.seq, event.text))
            if len(found) == count:
                break
    return found


class ServerTests(ServerTestCase):
    async def chat(self, address: str, room: str) -> None:
        """
        Let two clients meet in a room.
        """
        async with ChatClient(address, "Mina") as mina, ChatClient(address, "Ada") as ada:
            hers, his = await mina.join(room), await ada.join(room)
            said = await asyncio.gather(*[hers.say(f"{n} \N{SNOWMAN}") for n in range(100)])
            self.assertEqual([receipt.seq for receipt in said], list(range(1, 101)))
            expected = [(n + 1, f"{n} \N{SNOWMAN}") for n in range(100)]
            self.assertEqual(await messages(his, 100), expected)
            self.assertEqual(await messages(hers, 100), expected)
            self.assertEqual((await his.who()).members, ("Mina", "Ada"))
            history = await his.history(before=3)
            self.assertEqual([each.seq for each in history.messages], [1, 2])
            found = await his.history(text="77")
            self.assertEqual(([each.seq for each in found.messages], found.searched), ([78], 1))
            self.assertEqual((await hers.edit(1, "new")).seq, 101)
            self.assertEqual((await his.react(1, "\N{THUMBS UP SIGN}")).seq, 102)
            with self.assertRaises(ChatError) as caught:
                await his.redact(1)
            self.assertEqual(caught.exception.code, "not-allowed")
            first = (await his.history(before=2)).messages[0]
            self.assertEqual((first.text, first.edited), ("new", True))
            self.assertEqual(first.reactions, {"\N{THUMBS UP SIGN}": ("Ada",)})
            with self.assertRaises(ChatError) as caught:
                await ada.join("not a room")
            self.assertEqual(caught.exception.code, "bad-room")

    def test_transports(self) -> None:
        """
        Clients meet over TCP and over WebSocket.
        """
        _, tcp, ws = self.serveBoth("--rate", "1000", "--burst", "1000")
        run(self.chat(f"localhost:{tcp}", "one"))
        run(self.chat(f"ws://localhost:{ws}/mychat", "two"))

    def test_restart(self) -> None:
        """
        When the server is killed and started again, messages are neither lost nor doubled, on both
        transports.
        """
        ports = freePort(), freePort()
        folder = self.mktemp()
        Path(folder).mkdir()
        arguments = (
            *("--tcp", f"tcp:{ports[0]}:interface=127.0.0.1"),
            *("--ws", f"tcp:{ports[1]}:interface=127.0.0.1"),
            *("--store", f"sqlite:{folder}/chat.sqlite", "--rate", "1000", "--burst", "1000"),
        )

        async def talk() -> None:
            server = await asyncio.to_thread(self.serve, *arguments)
            await asyncio.to_thread(portsOf, server, "ChatFactory", "ChatWebSocketFactory")
            addresses = f"localhost:{ports[0]}", f"ws://localhost:{ports[1]}/mychat"
            async with (
                ChatClient(addresses[0], "Mina") as mina,
                ChatClient(addresses[1], "Ada") as ada,
            ):
                rooms = await mina.join("dev"), await ada.join("dev")
                await rooms[0].say("before")
                await rooms[1].say("before")
                server.kill()
                await asyncio.to_thread(server.wait)
                saying = [
                    asyncio.ensure_future(room.say(f"{room._client.name} {n}"))
                    for n in range(10)
                    for room in rooms
                ]
                await asyncio.to_thread(self.serve, *arguments)
                await asyncio.gather(*saying)
                found = [await messages(room, 22) for room in rooms]
                self.assertEqual(found[0], found[1])
                self.assertEqual([seq for seq, _ in found[0]], list(range(1, 23)))
                for name in ("Mina", "Ada"):
                    texts = [text for _, text in found[0] if text.startswith(name)]
                    self.assertEqual(texts, [f"{name} {n}" for n in range(10)])

        run(talk())

    def test_tls(self) -> None:
        """
        A certificate is checked: one that is not trusted ends the client with the reason.
        """
        key, certificate = self.mktemp(), self.mktemp()
        makeCertificate(key, certificate)
        endpoint = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
        server = self.serve("--tcp", endpoint, "--ws", endpoint)
        ports = portsOf(server, "ChatFactory (TLS)", "ChatWebSocketFactory (TLS)")
        trusting = ssl.create_default_context(cafile=certificate)
        for address in (f"tls:localhost:{ports[0]}", f"wss://localhost:{ports[1]}/mychat"):
            run(self.trusted(address, trusting))
            failed = run(self.failure(address))
            self.assertEqual((failed.code, failed.retry), ("certificate", False), failed)

    async def trusted(self, address: str, context: ssl.SSLContext) -> None:
        async with ChatClient(address, "Mina", tls=context) as mina:
            room = await mina.join("dev")
            await room.say("hello")

    async def failure(self, address: str, **options: Any) -> Failed:
        """
        @return: the first failure to connect
        """
        client = ChatClient(address, "Mina", **options)
        events = client.events()
        async with client:
            failed = await events.__anext__()
        assert isinstance(failed, Failed), failed
        return failed

    def answerWith(self, answer: bytes) -> int:
        """
        @return: the port of a server that reads one HTTP request and sends this answer
        """
        server = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as connection:
                connection.settimeout(PATIENCE)
                readUntil(connection, b"\r\n\r\n")
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(server.close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown, socket.SHUT_RDWR)  # ends a wait in accept()
        port: int = server.getsockname()[1]
        return port

    def test_failures(self) -> None:
        """
        An attempt that fails is reported with its reason, and whether another one can succeed.
        """
        _, tcp, ws = self.serveBoth()
        other = self.answerWith(b"SSH-2.0-x\r\n")
        for address, code, retry in (
            (f"localhost:{freePort()}", "unreachable", True),
            (f"ws://localhost:{freePort()}/mychat", "unreachable", True),
            (f"ws://localhost:{ws}/elsewhere", "http", False),
            (f"ws://localhost:{other}/mychat", "foreign", False),
            (f"localhost:{ws}", "closed", False),
            (f"tls:localhost:{tcp}", "tls", False),
            ("unix:/nowhere", "unreachable", True),
        ):
            failed = run(self.failure(address))
            self.assertEqual((failed.code, failed.retry), (code, retry), (address, failed))

    def test_credentials(self) -> None:
        """
        A client logs in with a password from a coroutine.
        """
        passwords = Path(self.mktemp())
        hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
        passwords.write_text(f"Mina:{hashed}\n")
        server = self.serve("--tcp", LOCAL, "--auth", f"file:{passwords}")
        (port,) = portsOf(server, "ChatFactory")

        async def talk(password: str) -> int:
            async def credentials() -> Auth:
                await asyncio.sleep(0)
                return Auth(password=password)

            async with ChatClient(f"localhost:{port}", "Mina", credentials=credentials) as mina:
                return (await (await mina.join("dev")).say("hello")).seq

        self.assertEqual(run(talk("secret")), 1)
        with self.assertRaises(ChatError) as caught:
            run(talk("wrong"))
        self.assertEqual(
            (caught.exception.code, caught.exception.text), ("ended", "bad-credentials")
        )
