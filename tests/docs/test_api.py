"""
The index of the public API is complete.
"""

from __future__ import annotations

import ast
import re
import sys
from importlib import import_module
from math import inf
from pathlib import Path

from msgspec.structs import fields
from twisted.trial.unittest import SynchronousTestCase

from machat.limits import Limits
from machat.tap.limits import OPTIONS
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "api.rst").read_text("utf-8")

#: The public packages, in the order of the page.
PACKAGES = [
    "service",
    "tcp",
    "ws",
    "ws.resource",
    "aio",
    "client",
    "auth",
    "hooks",
    "member",
    "entries",
    "events",
    "commands",
    "errors",
    "limits",
    "store",
    "store.sqlite",
    "interfaces",
    "api",
    "webhooks",
    "testing",
]


def publicNames(package: str) -> set[str]:
    """
    @return: the names that a package exports: its C{__all__} or, in a module without one, what it
        defines without an underscore
    """
    module = import_module(package)
    exported = getattr(module, "__all__", None)
    if exported is not None:
        return set(exported)
    found: set[str] = set()
    for node in ast.parse(Path(str(module.__file__)).read_text("utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return {name for name in found if not name.startswith("_")}


def limitRows() -> dict[str, tuple[str, str, str]]:
    """
    @return: default, unit and option of each field in the table of limits
    """
    row = (
        r":py:obj:`~machat\.limits\.Limits\.(\w+)`\n     - (.+)\n     - (.+)\n     -(.*)\n     - .+"
    )
    return {
        field: (default, unit, option.strip())
        for field, default, unit, option in re.findall(row, PAGE)
    }


class IndexTests(SynchronousTestCase):
    """
    Tests for C{docs/api.rst}.
    """

    def test_packages(self) -> None:
        """
        Each public package has a section, and no other has one.
        """
        self.assertEqual(
            re.findall(r"(?m)^machat\.([a-z.]+)\n-+$", PAGE),
            PACKAGES,
        )

    def test_names(self) -> None:
        """
        Each section lists all public names of its package, once, and no others.
        """
        for package in PACKAGES:
            name = f"machat.{package}"
            section = PAGE.partition(f"\n{name}\n-")[2]
            section = re.split(r"\n\S[^\n]*\n---+\n|:header-rows:", section)[0]
            listed = re.findall(r"   \* - .*?(\w+)(?: <[\w.]+>)?`+\n     - \S", section)
            self.assertEqual(sorted(listed), sorted(publicNames(name)), name)

    def test_versions(self) -> None:
        """
        The page about versions promises stability for these packages.
        """
        versions = (ROOT / "docs" / "versions.rst").read_text("utf-8")
        for package in PACKAGES:
            if package != "ws.resource":
                self.assertIn(f"``machat.{package}``", versions)


class LimitTests(SynchronousTestCase):
    """
    Tests for the table of limits.
    """

    def setUp(self) -> None:
        self.rows = limitRows()

    def test_fields(self) -> None:
        """
        Every limit has a row, in the order of the class.
        """
        self.assertEqual(list(self.rows), list(Limits.__struct_fields__))

    def test_defaults(self) -> None:
        """
        The table shows the default of every limit.
        """
        for field in fields(Limits):
            shown = self.rows[field.name][0]
            if field.default in (inf, sys.maxsize):
                self.assertEqual(shown, "none", field.name)
            else:
                self.assertEqual(float(shown.replace(",", "")), field.default, field.name)

    def test_options(self) -> None:
        """
        The table names the option of every limit that has one.
        """
        expected = {option.field: f"``--{name}``" for name, option in OPTIONS.items()}
        shown = {field: option for field, (_, _, option) in self.rows.items() if option}
        self.assertEqual(shown, expected)
