"""
The examples, run as a user runs them.
"""

from __future__ import annotations

import subprocess

from tests.processes import (
    BIN,
    PATIENCE,
    ROOT,
    ServerTestCase,
    freePort,
    readUntil,
    start,
    waitForLine,
)

EXAMPLES = ROOT / "examples"


class ExampleTests(ServerTestCase):
    def client(self, name: str, address: str) -> subprocess.Popen[str]:
        example = "websocket_client.py" if address.startswith("ws:") else "tcp_client.py"
        return self.stopAtEnd(
            start(
                *(BIN / "python", EXAMPLES / example, "--client", name, "--room", "dev"),
                *("--address", address),
            )
        )

    def say(self, client: subprocess.Popen[str], line: str) -> None:
        assert client.stdin is not None
        client.stdin.write(line + "\n")
        client.stdin.flush()

    def test_clients(self) -> None:
        """
        The two clients exchange messages, exit at the end of their input, and report when the
        server disconnects.
        """
        server, tcp, ws = self.serveBoth()
        mina = self.client("Mina", f"localhost:{tcp}")
        ada = self.client("Ada", f"ws://localhost:{ws}/mychat")
        waitForLine(server, "joins dev")
        waitForLine(server, "joins dev")
        self.say(mina, "hello")
        self.assertEqual(waitForLine(ada, "hello"), "Mina:hello\n")
        self.say(ada, "hi")
        self.assertEqual(waitForLine(mina, "hi"), "Ada:hi\n")
        out, err = mina.communicate("last words\n", timeout=PATIENCE)
        self.assertEqual((out, err), ("Mina:last words\n", "End of input.\n"))
        self.assertEqual(mina.returncode, 0)
        server.terminate()
        self.assertEqual(server.wait(PATIENCE), 0)
        self.assertEqual(waitForLine(ada, "bye"), "machat:bye shutdown\n")
        assert ada.stderr is not None
        self.assertIn("The server closed the connection", ada.stderr.readline())
        self.assertEqual(ada.wait(PATIENCE), 0)

    def test_clientBot(self) -> None:
        """
        The bot in twenty lines answers, on either transport.
        """
        server, tcp, ws = self.serveBoth()
        for address, room in ((f"localhost:{tcp}", "one"), (f"ws://localhost:{ws}/mychat", "two")):
            bot = start(BIN / "python", EXAMPLES / "client_bot.py", address, room)
            self.stopAtEnd(bot)
            waitForLine(server, f"clock joins {room}")
            mina = self.connect(tcp)
            mina.sendall(b'{"name": "Mina", "room": "%s"}!time\n' % room.encode())
            said = readUntil(mina, b", Mina.\n")
            self.assertRegex(said.decode(), r"^Mina:!time\nclock:It is \d\d:\d\d:\d\d, Mina\.\n$")
            bot.terminate()
            bot.communicate(timeout=PATIENCE)

    def test_nobodyThere(self) -> None:
        """
        A client that cannot connect reports this in one line.
        """
        port = freePort()
        for address in (f"localhost:{port}", f"ws://localhost:{port}/mychat"):
            client = self.client("Mina", address)
            _, err = client.communicate(timeout=PATIENCE)
            self.assertTrue(err.startswith(f"Cannot connect to {address}: "), err)
            self.assertEqual(client.returncode, 1)

    def test_bot(self) -> None:
        """
        The bot is in the room without a socket and answers C{!time}.
        """
        path = self.mktemp()
        bot = self.stopAtEnd(
            start(BIN / "python", EXAMPLES / "bot.py", "--tcp", f"unix:{path}", "--room", "dev")
        )
        connection = self.connect(path)
        connection.sendall(b'{"name": "Mina", "room": "dev"}\n!time\n')
        self.assertRegex(
            readUntil(connection, b"Mina.\n").decode(),
            r"\AMina:!time\nclock:It is \d\d:\d\d:\d\d UTC, Mina\.\n\Z",
        )
        bot.terminate()
        out, _ = bot.communicate(timeout=PATIENCE)
        self.assertEqual(out, "Disconnected: shutdown.\n")
