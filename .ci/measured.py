"""
Start the measurement of the coverage in the processes of C{trial} and in MaChat's own commands. The
measurement makes the start of a process 50 % slower, and a server would lose it: a signal ends it.
"""

import os
import sys

_MEASURED = {"trial", "workertrial.py", "machat"}
_MEASURED |= {"machat-apikey", "machat-passwd", "machat-store", "machat-token"}

if "COVERAGE_PROCESS_START" in os.environ and _MEASURED & {
    os.path.basename(word) for word in sys.orig_argv[:2]
}:
    import coverage

    coverage.process_startup()
