"""
Short runs of L{tools.faults}, and tests for its table.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT
from tests.store.redis.engine import ABSENT
from tools.verdict import COUNTS


class FaultsTests(SynchronousTestCase):
    skip = ABSENT or None

    def counts(self, *arguments: str) -> dict[str, Any]:
        """
        @return: the counts of a run
        """
        file = Path(self.mktemp()).absolute()
        options = ("--figures", str(file), "--seed", "1", "--hasty", "--short", "8", "--no-guests")
        command = [sys.executable, "-m", "tools.faults", "--clients", "4", *options, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (row,) = json.loads(file.read_text()).values()
        found: dict[str, Any] = row
        return found

    def test_servers(self) -> None:
        """
        Clients of two servers notice nothing but a reconnect when a server or the engine is killed,
        and when one server after another is restarted.
        """
        counts = self.counts("kill-server", "kill-engine", "restart")
        self.assertGreater(counts["seen"], counts["acknowledged"])
        for name in COUNTS[3:]:
            self.assertEqual(counts[name], 0, name)

    def test_replicas(self) -> None:
        """
        Clients are notified of messages that were lost because the old master was separated from
        its replicas for some seconds, or was killed before its replicas had the last messages.
        """
        counts = self.counts("split", "failover")
        self.assertGreater(counts["lost and reported"], 0)
        for name in COUNTS[4:]:
            self.assertEqual(counts[name], 0, name)
