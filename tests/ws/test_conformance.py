"""
RFC 6455, as the Autobahn test suite checks it: C{kosoku} runs its cases against L{tools.echo}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.processes import BIN, PATIENCE, ROOT, ServerTestCase, start, waitForLine

KOSOKU = BIN / "kosoku"

#: Cases that are not run: large messages (9), and the compression that MaChat does not offer (12,
#: 13).
LEFT_OUT = ("9.*", "12.*", "13.*")

GOOD = {"OK", "INFORMATIONAL"}


def bad(results: dict[str, Any]) -> dict[str, str]:
    """
    @return: the outcome of each case that does not conform to RFC 6455. The RFC does not require
        that invalid UTF-8 is refused before its frame is complete, so NON-STRICT is accepted in
        section 6.4.
    """
    failed = {}
    for case, result in results.items():
        behavior, close = result["behavior"], result["behaviorClose"]
        strict = behavior != "NON-STRICT" or not case.startswith("6.4.")
        if (strict and behavior not in GOOD) or close not in GOOD:
            failed[case] = f"{behavior}, close {close}"
    return failed


def each(option: str, cases: Iterable[str]) -> list[str]:
    """
    @return: the option with each of its values
    """
    return [word for case in cases for word in (option, case)]


class ConformanceTests(ServerTestCase):
    if not KOSOKU.exists():
        skip = 'kosoku is not installed: pip install -e ".[dev]"'

    def play(self, port: int, *options: str) -> dict[str, Any]:
        """
        @return: the results by case
        """
        folder = self.mktemp()
        address = f"127.0.0.1:{port}"
        player = self.stopAtEnd(start(KOSOKU, address, "-p", "2", "-o", folder, *options))
        out, err = player.communicate(timeout=2 * PATIENCE)
        report = Path(folder, "index.json")
        self.assertTrue(report.exists(), out + err)
        results: dict[str, Any]
        (results,) = json.loads(report.read_text()).values()
        return results

    def test_rfc6455(self) -> None:
        """
        Every case ends as required: framing, pings, reserved bits, opcodes, fragments, UTF-8,
        closes.
        """
        server = self.stopAtEnd(start(BIN / "python", "-m", "tools.echo", cwd=ROOT))
        port = int(waitForLine(server, "echoing on ").split()[-1])
        results = self.play(port, *each("-x", LEFT_OUT))
        self.assertGreater(len(results), 200)
        failed = bad(results)
        self.assertFalse(failed, failed)
