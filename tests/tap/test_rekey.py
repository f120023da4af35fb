"""
Tests for L{tools.rekey}: a short run of it.
"""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE, ROOT, start


class RekeyTests(SynchronousTestCase):
    def test_short(self) -> None:
        """
        A few open connections are not affected by a new certificate.
        """
        run = start(sys.executable, "-m", "tools.rekey", "--connections", 9, cwd=ROOT)
        out, err = run.communicate(timeout=PATIENCE)
        told = ["a new connection gets the new certificate"]
        told += ["9 of 9 open connections receive its message"]
        self.assertEqual((run.returncode, out.splitlines(), err), (0, told, ""))
