"""
A short run of L{tools.chaos}.
"""

from __future__ import annotations

import re
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT


class ChaosTests(SynchronousTestCase):
    def test_short(self) -> None:
        """
        Ten clients whose connections are cut, delayed and split lose no message and see none
        twice.
        """
        command = [sys.executable, "-m", "tools.chaos", "--clients", "10", "--rooms", "5"]
        command += ["--messages", "500", "--reconnects", "30"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(" 500 messages acknowledged, ", done.stdout)
        self.assertIn(" 0 gaps", done.stdout)
        (back,) = re.findall(r"(\d+) reconnects", done.stdout)
        self.assertGreaterEqual(int(back), 30)
