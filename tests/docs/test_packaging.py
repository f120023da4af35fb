"""
Tests for what C{setup.py} says of dependencies.
"""

from __future__ import annotations

import ast
import re

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT


def bounds() -> dict[str, str]:
    """
    @return: the lowest versions that C{setup.py} allows, of what MaChat and its tests need
    """
    found = {}
    for node in ast.walk(ast.parse((ROOT / "setup.py").read_text("utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in ("install_requires", "extras_require"):
            value = ast.literal_eval(node.value)
            for requirement in value if isinstance(value, list) else value["test"]:
                name, _, version = requirement.partition(">=")
                found[re.sub(r"\[.*\]", "", name).strip().replace("_", "-")] = version.strip()
    return found


class LowestTests(SynchronousTestCase):
    """
    Tests for C{tests/lowest.txt}.
    """

    def test_bounds(self) -> None:
        """
        It has the lowest allowed version of every dependency.
        """
        text = (ROOT / "tests/lowest.txt").read_text("utf-8")
        pinned = dict(re.findall(r"^([a-z0-9.-]+)==([0-9.]+)$", text, re.MULTILINE))
        self.assertGreater(len(bounds()), 8)
        for name, version in bounds().items():
            self.assertTrue(version, f"{name} has no lower bound")
            self.assertTrue(f"{pinned.get(name)}.".startswith(f"{version}."), name)
