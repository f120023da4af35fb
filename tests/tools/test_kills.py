"""
A short run of L{tools.kills}.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT


class KillsTests(SynchronousTestCase):
    def test_short(self) -> None:
        """
        A server that is killed five times while clients send messages loses none that was seen or
        acknowledged, and stores none twice.
        """
        command = [sys.executable, "-m", "tools.kills", "--kills", "5", "--clients", "8"]
        command += ["--rooms", "2"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("\n5 kills, ", done.stdout)
        for fault in ("lost", "duplicated", "out of order", "missed", "not recovered"):
            self.assertIn(f"\n{fault}: 0\n", done.stdout)
