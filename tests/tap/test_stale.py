"""
Tests for L{machat.tap.stale}.
"""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from machat.tap.stale import clear, holderOf, lockOf


class ClearTests(SynchronousTestCase):
    """
    Tests for L{clear}.
    """

    def setUp(self) -> None:
        self.path = os.path.relpath(self.mktemp())

    def listen(self) -> socket.socket:
        """
        @return: a socket on which a process listens
        """
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(self.path)
        listening.listen(1)
        return listening

    def lock(self, process: int) -> None:
        """
        Create a lock of this process.
        """
        os.symlink(str(process), lockOf(self.path))

    def assertLeft(self, path: bool, lock: bool) -> None:
        """
        These files still exist.
        """
        left = os.path.lexists(self.path), os.path.lexists(lockOf(self.path))
        self.assertEqual(left, (path, lock))

    def test_stale(self) -> None:
        """
        A socket on which no process listens is removed with its lock, whatever process the lock
        names.
        """
        for process in (1, os.getpid(), os.getppid()):
            self.listen().close()
            self.lock(process)
            self.assertTrue(clear(self.path))
            self.assertLeft(False, False)
        self.listen().close()  # without a lock
        self.assertTrue(clear(self.path))
        self.assertLeft(False, False)

    def test_used(self) -> None:
        """
        A socket on which a process listens is kept, even if its queue is full.
        """
        self.listen()
        self.lock(os.getpid())
        self.assertFalse(clear(self.path))
        for _ in range(3):
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.setblocking(False)
            client.connect_ex(self.path)
        self.assertFalse(clear(self.path))
        self.assertLeft(True, True)

    def test_lockAlone(self) -> None:
        """
        A lock without a socket is removed only if it names this process, which cannot hold it.
        """
        self.assertFalse(clear(self.path))
        self.lock(os.getppid())
        self.assertFalse(clear(self.path))
        self.assertEqual(holderOf(self.path), str(os.getppid()))
        os.unlink(lockOf(self.path))
        self.lock(os.getpid())
        self.assertTrue(clear(self.path))
        self.assertLeft(False, False)

    def test_otherFile(self) -> None:
        """
        A file that is not a socket is left unchanged.
        """
        with open(self.path, "w"):
            self.lock(os.getpid())
        self.assertFalse(clear(self.path))
        self.assertLeft(True, True)
