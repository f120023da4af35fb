"""
Reading of the whole database, which takes long if there are millions of rooms.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.store.sqlite.file import openReader
from machat.store.sqlite.worker import Worker


class Scanner:
    """
    Reads in a thread and with a connection of its own, so that no join and no message waits for it.
    """

    _log = Logger()

    def __init__(self, fromThread: Callable[..., object], patience: float) -> None:
        """
        @param fromThread: see L{Worker}
        @param patience: the time to wait for a lock of another program, seconds
        """
        self._fromThread = fromThread
        self._patience = patience
        self._path = ""
        self._worker: Worker | None = None
        self._db: sqlite3.Connection | None = None
        self._waiting = 0

    def start(self, path: str) -> None:
        """
        Accept requests.

        @param path: the file
        """
        self._path = path
        self._waiting = 0
        self._worker = Worker("machat-store-scanner", self._fromThread)

    def stop(self) -> None:
        """
        Accept no more requests. The results of those in progress are not reported.
        """
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
        db = self._db
        if db is not None:
            with suppress(sqlite3.Error):  # the thread may have closed it in the meantime
                db.interrupt()

    @property
    def busy(self) -> bool:
        """
        Whether the thread has something to do.
        """
        return self._waiting > 0

    def read(self, function: Callable[[sqlite3.Connection], Any]) -> Deferred[Any]:
        """
        @param function: called in the thread
        @return: fires with its result, or fails with its exception, which is logged. Does not fire
            after L{stop}
        """
        result: Deferred[Any] = Deferred()
        worker = self._worker
        if worker is not None:
            self._waiting += 1
            worker.call(partial(self._call, function, worker), partial(self._done, result, worker))
        return result

    def _call(self, function: Callable[[sqlite3.Connection], Any], worker: Worker) -> Any:
        """
        In the thread: call the function, unless its result is no longer needed.
        """
        if self._worker is not worker:
            return None
        with closing(openReader(self._path, self._patience)) as db:
            self._db = db
            try:
                return function(db)
            finally:
                self._db = None

    def _done(self, result: Deferred[Any], worker: Worker, value: Any) -> None:
        if self._worker is not worker:
            return
        self._waiting -= 1
        if isinstance(value, Failure):
            self._log.error("the store cannot be measured: {error}", error=value.getErrorMessage())
            result.errback(value)
        else:
            result.callback(value)
