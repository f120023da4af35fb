"""
The examples of applications that contain a chat, run as a user runs them.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.processes import (
    BIN,
    PATIENCE,
    ROOT,
    RawWebSocketClient,
    ServerTestCase,
    portsOf,
    readUntil,
    start,
    stop,
)

EXAMPLES = ROOT / "examples"


class BelowClient(RawWebSocketClient):
    """
    A client of the page's WebSocket, where the page is below C{/chat/}.
    """

    path = "/chat/mychat"


def get(port: int, path: str, **fields: str) -> bytes:
    """
    @param fields: the fields of a form to post
    @return: the site's answer
    """
    data = urlencode(fields).encode() if fields else None
    with urlopen(f"http://127.0.0.1:{port}{path}", data, PATIENCE) as answer:
        body: bytes = answer.read()
        return body


class ApplicationTests(ServerTestCase):
    def setUp(self) -> None:
        self.clients: list[RawWebSocketClient] = []

    def run_(self, name: str, *factories: str) -> list[int]:
        """
        Start an example, on other ports.

        @param factories: the factories that it serves, in the order of listening
        @return: their ports
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        text = re.sub(r"tcp:\d+", "tcp:0", (EXAMPLES / name).read_text())
        copy = self.folder / Path(name).name
        copy.write_text(text)
        twistd = (BIN / "twistd", "--pidfile=", "-l", "-", "-ny", copy)
        self.server = self.stopAtEnd(start(*twistd, cwd=self.folder))
        return portsOf(self.server, *factories)

    def stopServer(self) -> None:
        """
        Stop the example after its clients have disconnected, and check that it logged no error.
        Twisted ends a process with the signal that stopped it.
        """
        for client in self.clients:
            client.close()
        status, out, err = stop(self.server)
        self.assertEqual((status, err), (-signal.SIGTERM, ""))
        self.assertNotIn("Traceback", out)
        self.assertNotIn("Unhandled", out)

    def client(
        self, cls: type[RawWebSocketClient], port: int, **hello: object
    ) -> RawWebSocketClient:
        """
        @return: a client that has sent its hello
        """
        client = cls(port)
        self.addCleanup(client.close)
        self.clients.append(client)
        client.send(v=1, **hello)
        return client

    def test_tac(self) -> None:
        """
        The C{.tac} file makes an application with both endpoints.
        """
        tcp, _ = self.run_("chat.tac", "ChatFactory", "ChatWebSocketFactory")
        connection = self.connect(tcp)
        connection.sendall(b'{"name": "Mina", "room": "dev"}hello\n')
        self.assertEqual(readUntil(connection, b"\n"), b"Mina:hello\n")
        self.stopServer()
        self.assertEqual(readUntil(connection, b"nothing"), b"machat:bye shutdown\n")

    def test_tutorial(self) -> None:
        """
        The tutorial's bot counts, and its test passes when it is run as the tutorial says.
        """
        tcp, _ = self.run_("tutorial/counter.py", "ChatFactory", "ChatWebSocketFactory")
        mina = self.connect(tcp)
        mina.sendall(b'{"name": "Mina", "room": "dev"}hello\n!count\n')
        heard = readUntil(mina, b"so far.\n")
        self.assertEqual(heard, b"Mina:hello\nMina:!count\ncounter:2 so far.\n")
        self.stopServer()
        command = (BIN / "python", "-m", "twisted.trial", "test_counter")
        copy = Path(self.mktemp()) / "tutorial"
        shutil.copytree(EXAMPLES / "tutorial", copy)
        trial = self.stopAtEnd(start(*command, cwd=copy))
        out, _ = trial.communicate(timeout=PATIENCE)
        self.assertIn("PASSED (successes=1)", out)

    def test_web(self) -> None:
        """
        A site serves its own page, MaChat's page, the client that both use, and the WebSocket.
        """
        site, tcp = self.run_("with_web.py", "Site", "ChatFactory")
        self.assertIn(b"<title>Our site</title>", get(site, "/"))
        self.assertIn(b"<title>MaChat</title>", get(site, "/chat/"))
        self.assertIn(b"export class Client", get(site, "/chat/client.js"))
        mina = self.client(BelowClient, site, name="Mina", room="lobby")
        mina.await_("joined")
        connection = self.connect(tcp)
        connection.sendall(b'{"name": "Ada", "room": "lobby"}hello\n')
        self.assertEqual(mina.await_("message")["from"], "Ada")
        self.stopServer()

    def test_klein(self) -> None:
        """
        A posted form becomes a message in the room, the messages can be read again, and the bot
        counts and answers.
        """
        (site,) = self.run_("with_klein.py", "Site")
        mina = self.client(BelowClient, site, name="Mina", room="ops")
        mina.await_("joined")
        self.assertEqual(json.loads(get(site, "/rooms/ops", text="Built."))["seq"], 1)
        self.assertEqual(mina.await_("message")["text"], "Built.")
        read = json.loads(get(site, "/rooms/ops"))
        self.assertEqual([message["from"] for message in read["messages"]], ["bot"])
        mina.send(type="say", text="!visits")
        self.assertEqual(mina.await_("message")["from"], "Mina")
        self.assertEqual(mina.await_("message")["text"], "2 so far, Mina.")
        self.assertRaises(HTTPError, get, site, "/rooms/other")
        self.assertRaises(HTTPError, get, site, "/rooms/ops", text="line\n" * 100)
        self.assertIn(b"<title>MaChat</title>", get(site, "/chat/"))
        self.stopServer()

    def test_services(self) -> None:
        """
        An alarm is posted in the room, and the messages sent while the process stops are in the
        file.
        """
        monitor, tcp, alarm = self.run_("with_services.tac", "_Site", "ChatFactory", "Factory")
        mina = self.connect(tcp)
        mina.sendall(b'{"name": "Mina", "room": "ops"}hello\n')
        self.assertEqual(readUntil(mina, b"\n"), b"Mina:hello\n")
        self.connect(alarm).sendall(b"Disk full\n")
        self.assertEqual(readUntil(mina, b"\n"), b"alarm:Disk full\n")
        self.assertIn(b"machat_messages_total 2", get(monitor, "/metrics"))
        self.stopServer()
        kept = (self.folder / "ops.txt").read_text()
        self.assertEqual(kept, "1 Mina: hello\n2 alarm: Disk full\n")

    def test_accounts(self) -> None:
        """
        A user with a password can join the rooms of the account, with its rights there.
        """
        (ws,) = self.run_("with_accounts.py", "ChatWebSocketFactory")
        wrong = self.client(RawWebSocketClient, ws, name="Mina", password="snow")
        self.assertEqual(wrong.await_("error")["code"], "bad-credentials")
        mina = self.client(RawWebSocketClient, ws, name="Mina", password="rain")
        ada = self.client(RawWebSocketClient, ws, name="Ada", password="snow", room="news")
        ada.await_("joined")
        for room in ("team/blue", "Team/Blue"):
            mina.send(type="join", room=room)
            self.assertEqual(mina.await_("error")["code"], "not-allowed")
        for room in ("team/red", "news"):
            mina.send(type="join", room=room)
            self.assertEqual(mina.await_("joined")["room"], room)
        mina.send(type="say", room="news", text="me first")
        self.assertEqual(mina.await_("error")["code"], "not-allowed")
        ada.send(type="kick", name="Mina")
        self.assertIn("Ada", mina.await_("left")["reason"])
        self.stopServer()
