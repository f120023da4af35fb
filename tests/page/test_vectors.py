"""
Recorded conversations with C{client.js}, in Node.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.javascript import environment, installed, node
from tests.processes import PATIENCE
from tests.recorded import VECTORS, altered, recorded


class RecordedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.node = node()
        self.folder = Path(self.mktemp()).absolute()
        installed(self.folder)
        shutil.copy(VECTORS / "run.mjs", self.folder)

    def play(self, *paths: Path) -> tuple[int, list[str]]:
        """
        @return: the exit status and the output of the program that runs the conversations
        """
        done = subprocess.run(
            [self.node, "run.mjs", *paths],
            cwd=self.folder,
            env=environment(),
            check=False,
            stdout=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout.splitlines()

    def test_recorded(self) -> None:
        """
        The client behaves as recorded.
        """
        wanted = len(list(recorded("js", "ws")))
        self.assertGreater(wanted, 50)
        done = self.play(*sorted(VECTORS.glob("*.json")))
        self.assertEqual(done, (0, [f"{wanted} conversations succeeded"]))

    def test_compared(self) -> None:
        """
        A conversation fails if an expectation is missing or different.
        """
        whole = next(each for title, each in recorded("js", "ws") if "again" in title)
        changed = [{**each, "title": f"{number}"} for number, each in enumerate(altered(whole))]
        path = self.folder / "changed.json"
        path.write_text(json.dumps({"conversations": changed}))
        status, lines = self.play(path)
        self.assertEqual(status, 1)
        self.assertEqual(lines.pop(), "0 conversations succeeded")
        titles = [line.partition(":")[0] for line in lines]
        self.assertEqual(titles, [f"{number}" for number in range(len(changed))])
        self.assertGreater(len(changed), 10)
