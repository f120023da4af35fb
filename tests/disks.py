"""
Disks with faults, for tests.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any
from unittest import SkipTest


def smallDisk(case: Any, size: str) -> str:
    """
    Mount a small file system until the end of a test.

    @param case: the test case
    @param size: the size, as for C{mount -o size=}
    @return: its directory
    @raise SkipTest: this process may not mount anything
    """
    directory: str = os.path.abspath(case.mktemp())
    os.makedirs(directory)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        raise SkipTest("only root can mount a file system")
    case.addCleanup(subprocess.run, ["umount", "-l", directory], check=True)
    return directory


def fill(directory: str) -> str:
    """
    Fill a file system up to the last block.

    @return: the file to remove
    """
    path = os.path.join(directory, "filler")
    with open(path, "ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return path
