"""
A short run of L{tools.soak}.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT
from tools.mischief import ACTS


class SoakTests(SynchronousTestCase):
    def test_short(self) -> None:
        """
        A few chatting clients receive every message, whatever other clients do, and at the end
        nothing is left.
        """
        command = [sys.executable, "-m", "tools.soak", "--minutes", "0.05", "--clients", "12"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for kind in ("well-behaved, TCP text", "well-behaved, WebSocket events", *ACTS):
            self.assertIn(f"  {kind} ", done.stdout)
