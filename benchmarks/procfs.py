"""
CPU time and memory of a process and all its descendants, from F{/proc}.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

_TICK = 1.0 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """
    CPU time and memory of some processes.

    @ivar user: seconds of CPU time outside the kernel, of all threads
    @ivar system: seconds of CPU time inside the kernel
    @ivar memory: resident bytes
    """

    user: float
    system: float
    memory: int

    @property
    def cpu(self) -> float:
        """
        @return: seconds of CPU time
        """
        return self.user + self.system


def usageOf(*roots: int) -> Usage:
    """
    @return: the usage of these processes, their threads and their running descendants. The
        resolution of the CPU time is 10 ms.
    """
    stats = {pid: fields for pid in _pids() if (fields := _stat(pid)) is not None}
    family = set(roots)
    while True:
        found = {pid for pid, fields in stats.items() if int(fields[1]) in family}
        if found <= family:
            break
        family |= found
    members = [stats[pid] for pid in family if pid in stats]
    return Usage(
        user=sum(int(fields[11]) for fields in members) * _TICK,
        system=sum(int(fields[12]) for fields in members) * _TICK,
        memory=sum(int(fields[21]) for fields in members) * _PAGE,
    )


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """
    @return: the fields after the name of the command, which may contain spaces: C{man 5 proc}
    """
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None
