"""
The targets of L{tools.fuzz}, without its engine: their seeds, some mutations of them, and earlier
findings.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.edges import TARGETS
from tests.processes import ROOT
from tools.seeds import EVENTS, SEEDS, TOKENS

#: The number of mutations for each target.
MUTATIONS = 200

#: The maximum cost of an input, which includes a new chat, and of each of its bytes, in calls of
#: Python functions.
CALLS = 3_000, 50


def mutate(data: bytes, random: Random) -> bytes:
    """
    @return: the data with a few bytes changed, duplicated, removed, or replaced by a word
    """
    for _ in range(random.randrange(1, 4)):
        begin = random.randrange(len(data) + 1)
        end = min(len(data), begin + random.choice((0, 1, 1, 4, 30)))
        piece = random.choice(
            (b"", bytes((random.randrange(256),)), random.choice(TOKENS), data[begin:end] * 2)
        )
        data = data[:begin] + piece + data[end:]
    return data


def callsOf(name: str, data: bytes) -> int:
    """
    @return: the number of Python functions that a target calls for this input
    """
    calls = 0

    def count(frame: object, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        TARGETS[name](data)
    finally:
        sys.setprofile(None)
    return calls


class TargetTests(SynchronousTestCase):
    def test_seeds(self) -> None:
        """
        Every target accepts its seeds.
        """
        self.assertEqual(set(TARGETS), set(SEEDS))
        for name, target in TARGETS.items():
            for seed in (b"", *SEEDS[name]):
                target(seed)

    def test_mutations(self) -> None:
        """
        Every target accepts random mutations of its seeds, with work that is bounded by their
        length.
        """
        random = Random(1)
        for name in TARGETS:
            for seed in SEEDS[name]:
                TARGETS[name](seed)  # so that what is loaded once does not count
            for _ in range(MUTATIONS):
                data = mutate(random.choice(SEEDS[name]), random)
                most = CALLS[0] + CALLS[1] * len(data)
                self.assertLess(callsOf(name, data), most, (name, data))


class EngineTests(SynchronousTestCase):
    if find_spec("atheris") is None:
        skip = 'atheris is not installed: pip install -e ".[fuzz]"'

    def test_command(self) -> None:
        """
        The command runs the engine for the given time, and reports the result.
        """
        command = [sys.executable, "-m", "tools.fuzz", "--seconds", "1", "lines"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"lines +\d+ executions, coverage [\d/]+, nothing found")


class FoundTests(SynchronousTestCase):
    def test_retry(self) -> None:
        """
        A client reconnects, whatever delay the server sends.
        """
        for retry in (b"-1000", b"1e308"):
            bye = EVENTS[-1].replace(b"1.5", retry)
            TARGETS["events"](b"\n".join((EVENTS[0], bye, b"CUT", EVENTS[0])))

    def test_acknowledgedLongAgo(self) -> None:
        """
        An acknowledged message is not in doubt, however late the client rejoins the room.
        """
        welcome, joined, ack = EVENTS[0], EVENTS[1], EVENTS[5]
        TARGETS["events"](b"\n".join((welcome, joined, b"CUT", ack, welcome, joined)))

    def test_cutOffWhileRead(self) -> None:
        """
        A connection that is cut in the middle of a frame leaves no timer of the sending rate.
        """
        TARGETS["websocket"](
            b'&A9\x02\x81\xd2\x01\x02\x03\x04z u&;"2(! melg!>! Nmoc!(! 047\xddk qkno!>! g!!(qag~a'
        )
