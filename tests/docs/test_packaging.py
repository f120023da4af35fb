"""
Tests for C{pyproject.toml}: the dependencies, and the version.
"""

from __future__ import annotations

import ast
import re
from subprocess import run

from twisted.trial.unittest import SynchronousTestCase

from machat import __version__
from tests.processes import BIN, PATIENCE, ROOT


def bounds() -> dict[str, str]:
    """
    @return: the lowest allowed version of each dependency of MaChat and of its tests
    """
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found = {}
    for name in ("dependencies", "aio", "redis", "test"):
        match = re.search(rf"^{name} = (\[$.*?^\]$|\[.*?\]$)", text, re.MULTILINE | re.DOTALL)
        assert match is not None, name
        for requirement in ast.literal_eval(match[1]):
            package, _, version = requirement.partition(">=")
            if package.startswith("machat["):
                continue  # an extra of its own, which is listed here too
            found[re.sub(r"\[.*\]", "", package).strip().replace("_", "-")] = version.strip()
    return found


class LowestTests(SynchronousTestCase):
    """
    Tests for C{tests/lowest.txt}.
    """

    def test_bounds(self) -> None:
        """
        The file has the lowest allowed version of every dependency.
        """
        text = (ROOT / "tests/lowest.txt").read_text("utf-8")
        pinned = dict(re.findall(r"^([a-z0-9.-]+)==([0-9.]+)$", text, re.MULTILINE))
        self.assertGreater(len(bounds()), 10)
        for name, version in bounds().items():
            self.assertTrue(version, f"{name} has no lower bound")
            self.assertTrue(f"{pinned.get(name)}.".startswith(f"{version}."), name)


class VersionTests(SynchronousTestCase):
    def test_version(self) -> None:
        """
        Each command prints MaChat's version and exits with 0.
        """
        for command in (
            ["machat"],
            ["machat-apikey"],
            ["machat-passwd"],
            ["machat-store"],
            ["machat-token"],
            ["twistd", "machat"],
        ):
            done = run(
                [str(BIN / command[0]), *command[1:], "--version"],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            self.assertEqual(done.stdout, f"MaChat {__version__}\n", done.stderr)
            self.assertEqual(done.returncode, 0)

    def test_onePlace(self) -> None:
        """
        The version is in C{machat/__init__.py} only; C{pyproject.toml} reads it there.
        """
        text = (ROOT / "pyproject.toml").read_text("utf-8")
        self.assertIn('dynamic = ["version"]', text)
        self.assertIn('version = { attr = "machat.__version__" }', text)
        self.assertNotIn(f'"{__version__}"', text)
