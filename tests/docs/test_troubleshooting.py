"""
Tests for C{docs/troubleshooting.rst}.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from docutils import nodes
from twisted.trial.unittest import SynchronousTestCase

from tests.documents import parse
from tests.processes import ROOT

#: A placeholder for a value in a message of the page, or a value.
_VALUE = re.compile(
    r": |\.\.\.|\b[A-Z]+\b|\b\d+\b|[\w./:\"*]*example[\w./:\"*]*|--\w+|\(404 Not Found\)"
)

#: Messages of Twisted, Python and OpenSSL.
_FOREIGN = (
    "Another twistd server is running",
    "Unknown command: machat",
    "Address already in use",
    "No such file or directory",
    "Cannot acquire lock",
)


def constants() -> str:
    """
    @return: every string constant of the package, and its JavaScript
    """
    found = [path.read_text() for path in (ROOT / "machat/page").glob("*.js")]
    for path in (ROOT / "machat").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def messages() -> Iterator[str]:
    """
    @return: the messages that are the terms of the page's definition lists
    """
    page = parse(ROOT / "docs/troubleshooting.rst")
    for term in page.findall(nodes.term):
        for literal in term.findall(nodes.literal):
            yield literal.astext()


def isKnown(message: str, known: str) -> bool:
    """
    @param known: the constants of the package
    @return: whether its longest part without a value is one of them. An error code or the name of
        an option may stand before it
    """
    longest = max((part.strip(" \"':,();") for part in _VALUE.split(message)), key=len)
    words = longest.split()
    return any(" ".join(words[skipped:]) in known for skipped in range(2))


class MessageTests(SynchronousTestCase):
    def test_messages(self) -> None:
        """
        The server, the terminal or the page has every message.
        """
        known = constants()
        own = [text for text in messages() if not any(part in text for part in _FOREIGN)]
        self.assertGreater(len(own), 20)
        self.assertEqual([text for text in own if not isKnown(text, known)], [])
