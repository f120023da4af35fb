"""
The memory that L{MemoryStore} holds, measured in a process of its own. Threads and caches of other
tests would be measured too.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tracemalloc

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat import names
from machat.events import Draft
from machat.limits import Limits
from tests.processes import PATIENCE, ROOT
from tests.store.test_memory import Rooms, encoded

#: The beginning of a room's name, a sender's name and a text.
CASES = (
    ("room", "Mina", "hello, here is number "),
    ("\ufdfa" * 60, "m", ""),
    ("r", "\U00020000" * 25, "x"),
    ("r", "Mina", "\u660e" * 200),
    ("r", "Mina", "x" * 900),
)


def measure(name: str, sender: str, text: str) -> tuple[int, int]:
    """
    @return: the memory held by a store, and the size that it counts. Each message has its own
        string for its sender
    """
    log = Rooms(Clock(), Limits(logBytes=10_000_000))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(150):
        spelled = f"{name}{number}"
        room = names.key(spelled)
        log.follow(room, encoded, spelled)
        for seq in range(12):
            log.append(room, [Draft(spelled, f"{sender}{seq}", f"{text}{seq}")])
        log.unfollow(room)
        del spelled, room
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held, log.size().bytes


class WeightTests(SynchronousTestCase):
    """
    L{MemoryStore} counts the memory that it holds.
    """

    def test_held(self) -> None:
        """
        For all names and texts, the counted size is at least the memory held, and not much more.
        """
        command = [sys.executable, "-m", "tests.store.test_weight"]
        output = subprocess.check_output(command, cwd=ROOT, timeout=PATIENCE)
        for case, (held, counted) in zip(CASES, json.loads(output), strict=True):
            self.assertTrue(0.95 * held < counted < 2 * held, f"{case}: {held} {counted}")


if __name__ == "__main__":
    print(json.dumps([measure(*case) for case in CASES]))
