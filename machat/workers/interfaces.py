"""
The interface between the pool and the program that starts the processes.
"""

from __future__ import annotations

from typing import Any

from zope.interface import Interface


class ILauncher(Interface):
    """
    Starts worker processes, and owns their listening sockets.
    """

    def launch(process: Any) -> None:
        """
        Start a process that serves the sockets of a worker. They listen again, if L{suspend} has
        stopped them.

        @param process: the L{machat.workers.process.WorkerProcess}. Its C{number} names the worker
        @raise OSError: the process cannot be started
        """

    def suspend(number: int) -> None:
        """
        Give the new connections of a worker to the other workers, until L{launch} is called.
        """

    def notify(state: str) -> None:
        """
        Notify the service manager (C{sd_notify(3)}).
        """
