"""
The documents: every example in them is run, and every link target exists.
L{tests.docs.test_protocol} tests the conversations.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from importlib.util import find_spec
from inspect import iscoroutine
from typing import Any, cast

from docutils import nodes
from twisted.internet import reactor
from twisted.internet.defer import DeferredQueue
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from machat.auth.tokens import tokensOf
from machat.events import Event
from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.testing import MemoryChat, MemoryMember
from tests.commands import NotKnown, Shell, settings
from tests.docs.test_protocol import SECRET
from tests.documents import ALL, Example, parse
from tests.processes import BIN, PATIENCE, ROOT, ServerTestCase, portsOf, readUntil, start

_TESTS = [path for path in (ROOT / "tests").rglob("test_*.py") if path.stem != "test_docs"]
_TESTED = "".join(path.read_text() for path in _TESTS)

#: The folders of examples that tests run as a whole.
_WHOLE = re.compile('"examples" / "([a-z]+)"')

#: The files that other tests run, and those tests. An excerpt of one of these files counts as run.
FILES = _TESTS + [
    path
    for folder in ("examples", "deploy")
    for path in (ROOT / folder).rglob("*.*")
    if path.name in _TESTED
    or re.search(rf"{folder}.{path.stem} import|\"{path.stem}\"", _TESTED)
    or (path.parent.name in _WHOLE.findall(_TESTED) and path.parent.parent.name == "examples")
]

#: The modules that define how examples of a language are run.
RUN = {
    "text": "tests.docs.test_protocol.ConversationTests.test_conversations",
    "http": "tests.docs.test_protocol.ConversationTests.test_handshake",
    "html": "tests.page.test_client.ClientTests.test_example",
    "ini": "tests.docs.test_docs.CommandTests.test_settings",
    "sh": "tests.docs.test_docs.CommandTests.test_commands",
}

#: The tests of the Python examples, in the order of their page. The examples of other pages are
#: run unchanged, each page from its beginning.
PYTHON = {
    "README.rst": ["test_application", "test_memory", "test_client", "test_bot"],
    "authentication.rst": ["test_authentication", "test_authentication"],
}


def isExcerpt(example: Example) -> bool:
    """
    @return: whether these lines appear together in a file that another test runs
    """
    return any(stripped(example.text) in stripped(path.read_text()) for path in FILES)


def stripped(text: str) -> str:
    """
    @return: the lines without their indentation
    """
    return "\n".join(line.strip() for line in text.splitlines())


def python(page: str) -> list[Example]:
    """
    @return: the Python examples of the page that do not appear elsewhere
    """
    return [
        example
        for example in ALL
        if (example.page, example.language) == (page, "python") and not isExcerpt(example)
    ]


class Listener(MemoryMember):
    """
    A member whose events can be awaited.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.said: DeferredQueue[str] = DeferredQueue()

    def deliver(self, batch: Sequence[Event]) -> None:
        super().deliver(batch)
        for text in self.received():
            self.said.put(text)


class CompletenessTests(SynchronousTestCase):
    def test_known(self) -> None:
        """
        Every example is run by a test.
        """
        unknown = [
            example.place
            for example in ALL
            if example.language not in (*RUN, "python") and not isExcerpt(example)
        ]
        self.assertEqual(unknown, [])

    def test_python(self) -> None:
        """
        Every Python example on the pages with their own tests has a test.
        """
        for page, names in PYTHON.items():
            self.assertEqual(len(python(page)), len(names), page)
            for name in names:
                self.assertTrue(hasattr(PythonTests, name), name)

    def test_pages(self) -> None:
        """
        The only page in HTML is the one that a browser test uses.
        """
        pages = [example.page for example in ALL if example.language == "html"]
        self.assertEqual(pages, ["ownpage.rst"])

    def test_plain(self) -> None:
        """
        The README can be rendered with docutils alone, because it uses no Sphinx roles.
        """
        self.assertNotRegex((ROOT / "README.rst").read_text(), r":\w+:`")

    def test_links(self) -> None:
        """
        The link targets of the README exist, including its pictures.
        """
        page = parse(ROOT / "README.rst")
        targets = [node["refuri"] for node in page.findall(nodes.reference)]
        targets += [node["uri"] for node in page.findall(nodes.image)]
        for target in targets:
            self.assertTrue("://" in target or (ROOT / target).exists(), target)


class CommandTests(ServerTestCase):
    def examples(self, measuring: bool) -> list[Example]:
        """
        @return: all commands: those that measure, or the others
        """
        return [
            example
            for example in ALL
            if example.language == "sh" and ("-m benchmarks" in example.text) is measuring
        ]

    def play(self, examples: list[Example]) -> None:
        done: set[str] = set()
        shells = {example.page: Shell(self, done) for example in examples}
        for example in examples:
            shell = shells[example.page]
            for line in example.text.replace("\\\n", "").splitlines():
                shell.run(line)

    def test_commands(self) -> None:
        """
        Every command does what the documents say.
        """
        self.play(self.examples(False))

    def test_benchmarks(self) -> None:
        """
        The commands that measure do so too.
        """
        if find_spec("rich") is None or find_spec("pyperf") is None:
            raise SkipTest("the extra bench is not installed")
        self.play(self.examples(True))

    def test_settings(self) -> None:
        """
        A systemd setting belongs to the unit that the example changes.
        """
        for example in ALL:
            if example.language == "ini" and not isExcerpt(example):
                settings(self, example.text)

    def test_unknown(self) -> None:
        """
        A command without a rule for running it is reported.
        """
        self.assertRaises(NotKnown, Shell(self, set()).run, "rm -rf /")


class PythonTests(TestCase):
    """
    The Python examples, run on a reactor as their readers run them.
    """

    timeout = PATIENCE

    async def execute(self, example: Example, names: dict[str, Any], port: int = 0) -> None:
        """
        Run an example, which may wait.

        @param names: its globals
        @param port: the port to connect to instead of 8989
        """
        source = "\n" * (example.line - 1) + example.text.replace("8989", str(port))
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        result = eval(compile(source, example.place, "exec", flags), names)
        if iscoroutine(result):
            await result

    async def test_application(self) -> None:
        """
        The application in the README serves lines.
        """
        example = python("README.rst")[0]
        path = self.mktemp() + ".tac"
        with open(path, "w") as tac:
            tac.write(example.text.replace("8989", "0").replace("8099", "0"))
        case = ServerTestCase()
        self.addCleanup(case.doCleanups)
        server = case.stopAtEnd(start(BIN / "twistd", "--pidfile=", "-l", "-", "-ny", path))
        tcp, _ = portsOf(server, "ChatFactory", "ChatWebSocketFactory")
        connection = case.connect(tcp)
        connection.sendall(b'{"name": "Mina", "room": "dev"}hello\n')
        self.assertEqual(readUntil(connection, b"\n"), b"Mina:hello\n")

    async def test_memory(self) -> None:
        """
        The test in the README passes.
        """
        await self.execute(python("README.rst")[1], {})

    async def test_client(self) -> None:
        """
        The bot in the README announces itself, and answers.
        """
        chat = ChatService(reactor)
        chat.startService()
        port: Any = reactor.listenTCP(0, cast(Any, ChatFactory(chat)), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(chat.stopService)
        ada = Listener("Ada")
        await chat.join(ada, "dev")
        names: dict[str, Any] = {"reactor": reactor}
        await self.execute(python("README.rst")[2], names, port.getHost().port)
        self.addCleanup(names["bot"].stopService)
        self.assertEqual(await ada.said.get(), "bot:Here I am.")
        chat.say(ada, "dev", "!hello")
        self.assertEqual(await ada.said.get(), "Ada:!hello")
        self.assertEqual(await ada.said.get(), "bot:Hello, Ada!")
        await names["bot"].say("dev", "Bye.")  # earlier messages are acknowledged by now

    async def test_bot(self) -> None:
        """
        The test of the bot in the README passes.
        """
        names: dict[str, Any] = {}
        definitions = python("README.rst")[2].text.partition("\nbot = ")[0]
        exec(definitions, names)
        await self.execute(python("README.rst")[3], names)

    async def test_others(self) -> None:
        """
        The examples of the other pages raise no exception, and their assertions hold.
        """
        for page in {example.page for example in ALL} - set(PYTHON):
            names: dict[str, Any] = {"reactor": reactor}
            for example in python(page):
                await self.execute(example, names)

    async def test_authentication(self) -> None:
        """
        A token made by the example admits the user that it names, where the portal requires one.
        """
        names: dict[str, Any] = {"reactor": reactor, "secret": SECRET}
        names["checker"] = tokensOf(f"key={SECRET}")
        for example in python("authentication.rst"):
            await self.execute(example, names)
        clock = Clock()
        clock.advance(reactor.seconds())
        chat = MemoryChat(clock=clock, portal=names["portal"])
        mina, eve = chat.tcp(), chat.tcp()
        mina.send(json.dumps({"name": "Mina", "room": "dev", "token": names["token"]}))
        eve.join("Eve", "dev")
        mina.send("hello")
        clock.advance(1)
        self.assertEqual(mina.received(), ["Mina:hello"])
        self.assertFalse(eve.connected)
