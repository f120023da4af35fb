"""
All ways into one room: the messages have one sequence of numbers.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.browser import PageTestCase, expect
from tests.documents import ALL
from tests.javascript import environment, installed, node
from tests.page.sites import apiKey, serveAsgi, serveWsgi
from tests.page.test_spa import serveFolder
from tests.processes import BIN, LOCAL, PATIENCE, ROOT, find, freePort, portsOf, readUntil

JAVASCRIPT = ROOT / "examples" / "javascript"
WEB = ROOT / "examples" / "web"

#: The room of the example of a web application.
ROOM = "sales"


class TogetherTests(PageTestCase):
    """
    @ivar transcript: what was done, and the answers
    """

    def setUp(self) -> None:
        super().setUp()
        self.transcript: list[str] = []
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.elsewhere = serveFolder(self, self.folder)
        self.key = apiKey(self.folder, "shop", "publish,read")
        self.server = self.serve(
            *("--tcp", LOCAL, "--ws", LOCAL, "--api", LOCAL, "--api-keys", self.folder / "keys"),
            *("--origin", f"http://localhost:{self.elsewhere}"),
        )
        factories = ("ChatFactory", "ChatWebSocketFactory", "ApiSite")
        self.tcp, self.ws, self.api = portsOf(self.server, *factories)

    def tell(self, what: str, answer: str = "") -> None:
        """
        Add lines to the transcript.
        """
        self.transcript.append(f"$ {what}\n{answer}".rstrip())

    def run_(self, *command: object, **keywords: Any) -> str:
        """
        @return: the output of a command, which must succeed
        """
        words = [str(word) for word in command]
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, timeout=PATIENCE, **keywords
        )
        out, err = str(done.stdout), str(done.stderr)
        shown = shlex.join([Path(words[0]).name, *words[1:]]).replace(self.key, "KEY")
        self.tell(shown, out + err)
        self.assertEqual(done.returncode, 0, err)
        return out

    def ask(self, name: str, **fields: object) -> Any:
        """
        @return: the answer of the API
        """
        url = f"http://127.0.0.1:{self.api}/api/{name}"
        request = Request(url, json.dumps(fields).encode(), {"X-API-Key": self.key})
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def test_together(self) -> None:
        """
        A TCP line, C{curl}, three web applications, a cron job, a program in Node and a page of
        another origin post to one room, and nothing is lost or posted twice.
        """
        for way in (self.line, self.curl, self.flask, self.django, self.fastapi):
            way()
        for way in (self.cron, self.node, self.page):
            way()
        answer = self.ask("history", room=ROOM)
        messages = [(each["seq"], each["from"], each["text"]) for each in answer["messages"]]
        lines = [f"{seq} {sender}: {text}" for seq, sender, text in messages]
        self.tell(f"the messages of {ROOM}, epoch {answer['epoch']}", "\n".join(lines))
        self.assertEqual(
            messages,
            [
                (1, "Ada", "from a line"),
                (2, "shop", "from curl"),
                (3, "shop", "Order 17 is paid."),
                (4, "shop", "Order 18 is paid."),
                (5, "site", "from FastAPI"),
                (6, "cron", "from cron"),
                (7, "builder", "from Node"),
                (8, "Mina", "from another origin"),
            ],
        )

    def line(self) -> None:
        """
        Post over TCP, as C{nc} does.
        """
        lines = b'{"name": "Ada", "room": "%s"}from a line\n' % ROOM.encode()
        connection = self.connect(self.tcp)
        connection.sendall(lines)
        self.tell(f"nc localhost {self.tcp}", readUntil(connection, b"\n").decode())
        connection.close()

    def curl(self) -> None:
        """
        Post with C{curl}, twice with the same id.
        """
        body = json.dumps({"room": ROOM, "text": "from curl", "id": "1"})
        url = f"http://127.0.0.1:{self.api}/api/publish"
        for duplicate in (False, True):
            headers = ("-H", f"X-API-Key: {self.key}")
            output = self.run_(find("curl"), "-sS", "--fail-with-body", *headers, "-d", body, url)
            self.assertEqual(json.loads(output)["duplicate"], duplicate)

    def flask(self) -> None:
        """
        Post from the Flask application.
        """
        self.order("with_flask:app", "17")

    def django(self) -> None:
        """
        Post from the Django application.
        """
        self.order("with_django:application", "18")

    def order(self, app: str, number: str) -> None:
        """
        Send an order to an application under a WSGI server, twice.
        """
        port = freePort()
        chat = {"MACHAT_URL": f"http://127.0.0.1:{self.api}", "MACHAT_KEY": self.key}
        serveWsgi(self, WEB, app, port, **chat)
        data = urlencode({"order": number}).encode()
        for _ in range(2):
            with urlopen(f"http://localhost:{port}/orders", data, PATIENCE) as answer:
                said = answer.read().decode()
        self.tell(f"curl -d order={number} http://localhost:{port}/orders  # {app}", said)
        self.assertIn(f"order {number} is announced as number ", said)

    def fastapi(self) -> None:
        """
        Post from the FastAPI application, which has a connection of its own.
        """
        text = (ROOT / "examples" / "with_fastapi.py").read_text()
        (self.folder / "with_fastapi.py").write_text(text.replace('"news"', f'"{ROOM}"'))
        url = serveAsgi(self, self.folder, "with_fastapi:app", CHAT=f"localhost:{self.tcp}")
        body = json.dumps({"text": "from FastAPI"})
        header = ("-H", "Content-Type: application/json")
        self.run_(find("curl"), "-sS", "--fail-with-body", *header, "-d", body, f"{url}/news")

    def cron(self) -> None:
        """
        Run a line of a crontab as cron does: with a shell, in an environment with few variables.
        """
        machat = shlex.quote(str(BIN / "machat"))
        line = f"{machat} post --room {ROOM} --client cron --address localhost:{self.tcp}"
        clean = ("env", "-i", "PATH=/usr/bin:/bin", "SHELL=/bin/sh", f"HOME={self.folder}")
        self.run_(*clean, "/bin/sh", "-c", f"{line} 'from cron'", cwd=self.folder)

    def node(self) -> None:
        """
        Post from Node.
        """
        program = node()
        project = self.folder / "project"
        installed(project, "ws@8")
        shutil.copy(JAVASCRIPT / "post.mjs", project)
        address = f"ws://localhost:{self.ws}/mychat"
        command = (program, "post.mjs", address, ROOM, "from Node")
        self.run_(*command, cwd=project, env=environment())

    def page(self) -> None:
        """
        Post from the page of the documentation, on another origin.
        """
        (example,) = [each for each in ALL if each.language == "html"]
        text = example.text.replace("localhost:8099", f"127.0.0.1:{self.ws}")
        (self.folder / "index.html").write_text(text.replace('"dev"', f'"{ROOM}"'))
        page = self.blank()
        page.goto(f"http://localhost:{self.elsewhere}/index.html")
        page.get_by_label("Message").press_sequentially("from another origin")
        page.get_by_label("Message").press("Enter")
        expect(page.get_by_role("listitem").last).to_have_text("Mina: from another origin")
        shown = "\n".join(page.get_by_role("listitem").all_inner_texts())
        self.tell(f"chromium http://localhost:{self.elsewhere}/", shown)
