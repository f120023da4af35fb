"""
Post to one room in every way, and print the commands, their answers, and the messages of the room::

    python -m tools.transcript

It needs Node, Chromium, C{curl}, and the extras C{page} and C{sites}.
"""

from __future__ import annotations

import os
import sys
import unittest
from tempfile import TemporaryDirectory

from tests.page.test_together import TogetherTests
from tests.processes import ROOT


def main() -> int:
    """
    @return: the exit status: 0 if all messages are in the room, in one sequence of numbers
    """
    case = TogetherTests("test_together")
    result = unittest.TestResult()
    with TemporaryDirectory() as folder:
        os.chdir(folder)  # trial's tests create their files in the current folder
        case.run(result)
        os.chdir(ROOT)
    print("\n\n".join(case.transcript))
    for _, text in [*result.errors, *result.failures, *result.skipped]:
        print(text, file=sys.stderr)
    return int(not result.wasSuccessful() or bool(result.skipped))


if __name__ == "__main__":
    sys.exit(main())
