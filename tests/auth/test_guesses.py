"""
Tests for L{tools.guesses}: a short run of it.
"""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE, ROOT, start


class GuessesTests(SynchronousTestCase):
    def test_short(self) -> None:
        """
        Guesses of each kind are made half of the time, and refused.
        """
        run = start(sys.executable, "-m", "tools.guesses", "--tries", 4, cwd=ROOT)
        out, err = run.communicate(timeout=PATIENCE)
        self.assertEqual((run.returncode, err), (0, ""))
        self.assertRegex(out, r"(?s)a wrong password +2 .*an unknown user +2 ")
