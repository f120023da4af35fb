"""
The distribution C{packages/asyncio}.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT


class DistributionTests(SynchronousTestCase):
    def test_modules(self) -> None:
        """
        The distribution contains the modules that the client loads, and no others.
        """
        text = (ROOT / "packages/asyncio/pyproject.toml").read_text()
        listed = {}
        for name in ("packages", "py-modules"):
            found = re.search(rf"(?ms)^{name} = (\[.*?\])$", text)
            assert found is not None
            listed[name] = set(ast.literal_eval(found[1]))
        code = "import sys, machat.aio.websocket; print(*sys.modules)"
        output = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        loaded = {name for name in output.stdout.split() if name.startswith("machat.")}
        modules = {name for name in loaded if name.count(".") == 1} - listed["packages"]
        self.assertEqual(modules | {"machat.__init__"}, listed["py-modules"])
        packages = {name.rpartition(".")[0] for name in loaded if name.count(".") == 2}
        self.assertEqual(packages, listed["packages"])
