"""
The public names of the packages, and how the documents and examples import them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import machat

PACKAGE = Path(machat.__file__).parent
ROOT = Path(__file__).parent.parent

#: The files in which users read how to import a name.
SHOWN = [
    path
    for pattern in ("README.rst", "docs/*.rst", "examples/**/*.py", "examples/**/*.tac")
    for path in sorted(ROOT.glob(pattern))
]

#: A name at its full path, as C{machat.auth.users.User}, or imported from a module of a package.
_PATH = re.compile(r"\bmachat\.([a-z]+)\.[a-z]+\.(\w+)")
_IMPORT = re.compile(r"\bfrom machat\.([a-z]+)\.[a-z]+ import (.+)")


def packages() -> Iterator[str]:
    """
    @return: the name of each package in the package C{machat}
    """
    for path in sorted(PACKAGE.glob("*/__init__.py")):
        yield path.parent.name


def longer(text: str) -> list[str]:
    """
    @return: the public names that a text imports from a module instead of the package
    """
    found = [(package, name) for package, name in _PATH.findall(text)]
    for package, imported in _IMPORT.findall(text):
        found.extend((package, name) for name in re.findall(r"\w+", imported))
    return [
        f"machat.{package}.{name}"
        for package, name in found
        if name in getattr(import_module(f"machat.{package}"), "__all__", ())
    ]


class PackageTests(SynchronousTestCase):
    """
    Each package describes itself and exports its public names.
    """

    def test_docstring(self) -> None:
        """
        A package states in at most ten lines what it contains.
        """
        for name in packages():
            text = ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text()))
            assert text is not None, name
            self.assertLessEqual(len(text.splitlines()), 10, name)

    def test_exports(self) -> None:
        """
        All exported names exist, in order, and each once.
        """
        for name in packages():
            module = import_module(f"machat.{name}")
            exported = list(getattr(module, "__all__", ()))
            self.assertEqual(exported, sorted(set(exported)), name)
            self.assertEqual([each for each in exported if not hasattr(module, each)], [], name)

    def test_shortPaths(self) -> None:
        """
        The documents and the examples import a public name from its package.
        """
        self.assertTrue(SHOWN)
        for path in SHOWN:
            self.assertEqual(longer(path.read_text("utf-8")), [], path)

    def test_longer(self) -> None:
        """
        A longer path is found in an import and in a sentence.
        """
        self.assertEqual(longer("from machat.auth.users import User, allows"), ["machat.auth.User"])
        self.assertEqual(longer("L{machat.auth.users.User} is"), ["machat.auth.User"])
        self.assertEqual(longer("from machat.auth import User"), [])
        self.assertEqual(longer("from machat.ws.resource import PageResource"), [])
