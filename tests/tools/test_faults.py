"""
A short run of L{tools.faults}.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT
from tests.store.redis.engine import ABSENT


class FaultsTests(SynchronousTestCase):
    skip = ABSENT or None

    def test_short(self) -> None:
        """
        Clients of two servers notice nothing but a reconnect when a server or the engine is killed.
        """
        command = [sys.executable, "-m", "tools.faults", "kill-server", "kill-engine"]
        command += ["--short", "4", "--clients", "4"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for none in ("stored twice", "missed", "received twice", "out of order", "ghosts"):
            self.assertIn(f" 0 {none}", done.stdout)
        self.assertIn(" 0 reports of a loss", done.stdout)
