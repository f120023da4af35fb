"""
The start and the stop of a chat.
"""

from __future__ import annotations

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredLock, maybeDeferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.clock import ChatClock
from machat.connections.registry import Connections
from machat.errors import FAILED, ChatError
from machat.interfaces import IChatMember, IChatWatcher, IRoomObserver, IStore, IStoredRoom
from machat.limits import Limits
from machat.logbook import Logbook
from machat.rooms.directory import Directory
from machat.rooms.room import Room
from machat.service.batches import Batches
from machat.service.stop import STOPPING, Dismissals, Stage, Stop


class Lifecycle(MultiService):
    """
    The base class of the chat: it starts the store before the services that listen, and stops it
    after the last connection.

    @ivar clock: the clock of the chat
    @ivar limits: see L{Limits}
    @ivar logbook: the log of unknown peers
    @ivar store: the store
    """

    _logger = Logger()
    _connections: Connections
    _batches: Batches
    _directory: Directory
    _dismissals: Dismissals
    limits: Limits

    def __init__(self, clock: ChatClock, logbook: Logbook, store: IStore) -> None:
        MultiService.__init__(self)
        self.clock = clock
        self.logbook = logbook
        self.store = store
        self._stop: Stop | None = None
        self._failedBefore = 0
        self._starting = DeferredLock()
        self._closing = False
        self._watcher: IChatWatcher | None = None
        self._waiting: list[Deferred[None]] = []

    @property
    def draining(self) -> bool:
        """
        Whether the chat is stopping or has stopped. It admits no one then.
        """
        return self._stop is not None

    @property
    def lost(self) -> int:
        """
        The number of messages that were not, or possibly not, stored since the stop began.
        """
        waiting = [
            len(batch.drafts)
            for room in self._directory
            for batch in (room.storing, room.batch)
            if batch is not None
        ]
        return self._batches.failed - self._failedBefore + sum(waiting)

    def _requireOpen(self, member: IChatMember) -> None:
        """
        @raise ChatError: C{failed}: the chat is stopping or has stopped. The member is notified
        """
        if self.draining:
            self._dismissals.dismiss(member)
            raise ChatError(FAILED, STOPPING)

    def _openRoom(self, room: Room, network: str | None) -> Deferred[IStoredRoom]:
        """
        Open a room in the store. While the store starts, wait.
        """
        return self._openStored(room.key, room.name, room, network)

    def _openStored(
        self, key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        if self._starting.locked and not self._closing:
            return self._starting.run(self.store.open, key, name, observer, network)
        return self.store.open(key, name, observer, network)

    def startService(self) -> None:
        """
        Start the store, then the children. See L{whenServing} for a store that cannot be started.
        """
        stop, self._stop = self._stop, None
        if stop is not None:
            self.logbook.close()
            stop.finish()
        starting = self._starting.run(self.store.start)
        starting.addCallbacks(self._serve, self._cannotServe)

    def whenServing(self) -> Deferred[None]:
        """
        @return: fires when the chat serves; fails with the exception of the store if that cannot be
            started. If the chat is stopped first, it does not fire
        """
        if self.running:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def _serve(self, _: None) -> None:
        if self._watcher is not None:
            self._watcher.start()
        if self._stop is None and not self.running:
            MultiService.startService(self)
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.callback(None)

    def _cannotServe(self, failure: Failure) -> None:
        self._logger.critical("the chat does not serve: {why}", why=failure.getErrorMessage())
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.errback(failure)

    def stopService(self) -> Deferred[None]:
        """
        Admit no one, stop the children, deliver all messages, and disconnect every member with
        L{SHUTDOWN}. The times to reconnect are spread over some seconds. You may call this from
        anywhere, and more than once.

        @return: fires when all connections are gone and the store has stopped. A connection that
            does not accept its last bytes within L{Limits.closeTimeout} seconds is aborted
        """
        stop = self._stop
        if stop is None:
            stop = self._stop = Stop()
            self._failedBefore = self._batches.failed
            Deferred.fromCoroutine(self._dismissAll(stop)).addErrback(self._stopFailed)
        return stop.wait()

    def _stopFailed(self, failure: Failure) -> None:
        self._logger.failure("an error occurred while the chat was stopping", failure)

    async def _dismissAll(self, stop: Stop) -> None:
        if self.running:
            await maybeDeferred(MultiService.stopService, self)
        if self._batches.pending:  # this may be inside a callback, where nothing may be delivered
            await deferLater(self.clock, 0)
        if stop is self._stop:
            self._batches.flushAll()
        await self._settle(stop)
        if stop is self._stop:
            await self._dismissals.connections(self.clock, lambda: stop is self._stop)
        if stop is self._stop:
            self._dismissals.members()
        if stop is self._stop:  # the chat has not been started again
            stop.stage = Stage.DRAINING
            self._checkStopped()

    async def _settle(self, stop: Stop) -> None:
        """
        Wait until the store has the messages that were sent before the stop, so that they are
        delivered and acknowledged; but not longer than for the output of a connection.
        """
        stop.last = [(room, room.batch or room.storing) for room in self._directory if room.storing]
        if stop.settles():
            timer = self.clock.callLater(self.limits.closeTimeout, stop.settle)
            await stop.settled
            if timer.active():
                timer.cancel()

    def _checkStopped(self) -> None:
        stop = self._stop
        if stop is not None and stop.last and not stop.settles():
            stop.settle()
        if (
            stop is not None
            and stop.stage is Stage.DRAINING
            and not self._connections
            and self._batches.idle
        ):
            stop.stage = Stage.CLOSING
            closing = self._starting.run(self._closeStore)
            closing.addErrback(self._stopFailed).addCallback(self._stopped, stop)

    def _closeStore(self) -> Deferred[None]:
        """
        Stop the watcher, which still uses the store, and then the store.
        """
        if self._watcher is None:
            return self.store.stop()
        self._closing = True
        stopping = self._watcher.stop().addBoth(self._watcherStopped)
        return stopping.addCallback(lambda _: self.store.stop())

    def _watcherStopped(self, result: object) -> None:
        self._closing = False
        if isinstance(result, Failure):
            self._stopFailed(result)

    def _stopped(self, _: None, stop: Stop) -> None:
        self.logbook.close()
        stop.finish()
