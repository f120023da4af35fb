"""
Tests for C{slash.js}: the commands that a user types.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from machat.http.static import FOLDER
from tests.javascript import environment, node
from tests.processes import PATIENCE

#: Node 20 has no C{navigator}.
PROGRAM = """
globalThis.navigator ??= { languages: ["en"] };
const { read } = await import(process.argv[1]);
const typed = JSON.parse(process.argv[2]);
console.log(JSON.stringify(typed.map((text) => read(text))));
"""


def read(*typed: str) -> list[dict[str, Any]]:
    """
    @return: what each typed text means
    """
    module = (FOLDER / "slash.js").as_uri()
    command = [node(), "--input-type=module", "--eval", PROGRAM, module, json.dumps(typed)]
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": True}
    done = subprocess.run(command, env=environment(), timeout=PATIENCE, **options)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


class ReadTests(SynchronousTestCase):
    def test_at(self) -> None:
        """
        Before the name of a user, a command may have the sign with which the completion inserts
        names. Rooms and texts keep theirs.
        """
        typed = [
            *("/kick @Eve @noon", "/mute @Eve 10 loud", "/ban @ Eve", "/unmute @Eve "),
            *("/unban @Eve", "/msg @Eve @noon?", "/block @Eve", "/unblock @Eve"),
        ]
        plain = read(*[each.replace("@", "", 1) for each in typed])
        for one, other in zip(read(*typed), plain, strict=True):
            self.assertIn("command", one)
            self.assertEqual(one, other)
        kick, *_, join, topic, none = read(typed[0], "/join @Eve", "/topic @Eve", "/kick @")
        self.assertEqual(kick["command"]["fields"], {"name": "Eve", "reason": "@noon"})
        self.assertEqual(join["command"]["rest"], "@Eve")
        self.assertEqual(topic["command"]["fields"], {"text": "@Eve"})
        self.assertIn("/kick needs a name.", none["wrong"])
