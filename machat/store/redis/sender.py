"""
The batches of one room on their way into the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat import names
from machat.errors import NotStored
from machat.events import Draft
from machat.records import Change, Stored
from machat.store.redis.appending import UNAVAILABLE, Outgoing
from machat.store.redis.faults import UNEXPECTED, Course, EngineFault
from machat.store.redis.frames import Batch, Top
from machat.store.redis.keys import RoomKeys
from machat.store.redis.scripts import APPEND
from machat.store.redis.session import LinkLost
from machat.store.redis.stream import Stream

if TYPE_CHECKING:
    from machat.store.redis.store import RedisStore

#: The time after which something that the engine has refused is tried again, in seconds.
AGAIN = 1.0

#: The time within which the room passes on the batch that has waited for another one, in seconds.
WAITED = 1.0


class Sender:
    """
    Sends one batch at a time, again after a lost connection, until it is stored or its time is
    over.

    @ivar ready: whether the room reports a stored batch at once
    @ivar catchUp: called if entries before the stored batch are missing
    @ivar current: the last batch, until it is reported
    """

    _log = Logger()

    def __init__(self, store: RedisStore, keys: RoomKeys, stream: Stream) -> None:
        self._store = store
        self._keys = keys
        self._stream = stream
        self.ready = False
        self._again: IDelayedCall | None = None
        self.catchUp: Callable[[], object] = lambda: None
        self._fence: set[str] = set()
        self._fenced = 0.0
        self.current: Outgoing | None = None
        self._reported = b"\n"

    def append(self, batch: Sequence[Draft], changes: Sequence[Change]) -> Deferred[Stored]:
        """
        See L{machat.interfaces.IStoredRoom}.
        """
        if self._fenced:
            waited = self._store.clock.seconds() < self._fenced + WAITED
            self._fenced = 0.0
            if waited and self._stops(batch):
                return fail(NotStored(UNAVAILABLE))
        try:
            stored = self._store.time.shared(changes)
            outgoing = Outgoing(
                batch, stored, self._store.process, self._store.newNumber(), self._keys
            )
        except NotStored as error:
            return fail(error)
        outgoing.changes = changes  # the observer receives the objects that it has passed
        self.current = outgoing
        self._store.deadlines.add(outgoing)
        if self._store.node.holds():
            self._send(outgoing)
        return outgoing.result

    def close(self) -> None:
        """
        Send nothing more.
        """
        self.ready = False
        if self._again is not None and self._again.active():
            self._again.cancel()

    def fence(self, allowed: set[str]) -> None:
        """
        The node was declared dead. Refuse what has waited since then, and was not sent to the
        engine, unless all senders still have their names. The client of another sender may have
        sent the same messages again through another node, so long ago that the engine has forgotten
        their ids.

        @param allowed: the keys of the names that nobody else has claimed meanwhile
        """
        current = self.current
        if current is None or current.sent or current.doubtful:
            return
        self._fence, self._fenced = allowed, self._store.clock.seconds()
        if self._stops(current.batch):
            self._done(current)
            current.fail()
            self._store.deadlines.settled()

    def _stops(self, batch: Sequence[Draft]) -> bool:
        return any([names.key(draft.sender) not in self._fence for draft in batch])

    def resend(self) -> None:
        """
        Send the batch whose result is not known.
        """
        if self.current is not None:
            self._send(self.current)

    def _send(self, outgoing: Outgoing) -> None:
        session = self._store.node.session
        if session is None or not self.ready:
            return  # the room sends it when it is ready
        if outgoing.result.called or outgoing is not self.current:
            return
        outgoing.sent = True
        counts = (len(outgoing.batch), len(outgoing.changes))
        top = self._stream.top.seq
        header = self._store.header(session, top, self._keys, self._stream.name)
        words = [*header, outgoing.writer, outgoing.number, *counts, *self._store.limitWords]
        sending = session.run(APPEND, outgoing.keys, words + outgoing.words)
        sending.addCallback(self._stored, outgoing)
        sending.addErrback(self._refused, outgoing)

    def _stored(self, reply: Any, outgoing: Outgoing) -> None:
        epoch, seq, sub, at, duplicates, total = reply
        self._store.answered(self._stream.name)
        before = Top(seq, sub)
        stored = outgoing.stored(before, duplicates)
        if self.ready:
            if epoch.decode() != self._stream.timeline.epoch:
                self.catchUp()
            elif self._stream.takeOwn(outgoing, stored, before, at, total):
                self._reported = outgoing.mark
                self._done(outgoing)
            # Otherwise, the batch is published after the entries that are still missing.
        if not outgoing.result.called:
            outgoing.result.callback(stored)
        self._store.deadlines.settled()

    def _done(self, outgoing: Outgoing) -> None:
        if self.current is outgoing:
            self.current = None

    def _refused(self, failure: Failure, outgoing: Outgoing) -> None:
        """
        The batch is not stored, or that is not known.
        """
        error = failure.value
        if isinstance(error, LinkLost):
            outgoing.doubtful = True  # it is sent again in the next session
        elif not isinstance(error, EngineFault):
            self._log.failure("an append to {room} has failed", failure, room=self._stream.name)
            outgoing.doubtful = True
            self._store.node.reconnect(EngineFault(UNEXPECTED))
        elif error.fault.course is Course.RECONNECT:
            outgoing.sent = False
            self._store.node.reconnect(error)
        elif error.fault.course is Course.WAIT:
            outgoing.sent = False
            self._again = self._store.clock.callLater(AGAIN, self._send, outgoing)
        else:
            outgoing.sent = False
            self._store.noteFault(self._stream.name, error.fault)
            self._done(outgoing)
            outgoing.fail(error.fault.course is Course.UNSURE)
            self._store.deadlines.settled()
            if error.fault.local:
                self.catchUp()

    def awaits(self, frame: bytes) -> bool:
        """
        @return: whether this is the current batch, and there is no reply yet. The reply is on the
            other connection, and reports the batch at less cost
        """
        own = self.current
        if own is None or own.result.called:
            return False
        return own.mark in frame.partition(b"\n")[0]

    def hasReported(self, frame: bytes) -> bool:
        """
        @return: whether this is the last batch of this process that was reported when its reply
            arrived
        """
        return self._reported in frame.partition(b"\n")[0]

    def own(self, batch: Batch) -> Outgoing | None:
        """
        @return: the current batch, if it is the published one
        """
        own = self.current
        if own is None or batch.number != own.number or batch.writer.encode() != own.writer:
            return None
        return own

    def published(self, own: Outgoing, batch: Batch) -> None:
        """
        The batch is published and reported, perhaps before there is a reply.
        """
        if batch.texts == len(own.batch):
            if not own.result.called:
                own.result.callback(own.stored(batch.before, b""))
            self._done(own)
            self._store.deadlines.settled()
