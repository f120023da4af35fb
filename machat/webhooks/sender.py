"""
The webhooks of a chat: they watch its rooms, and send what happens to a receiver.

One request is sent at a time, with up to L{machat.webhooks.batch.EVENTS} events of any rooms. It is
sent again until the receiver has accepted it. Then the store records how far each room was
delivered, and the next request is sent. The events of a room are therefore sent in their order, and
each message at least once, as long as the store has it. Waiting events use little memory, however
long the receiver is down, because messages are read from the store when it is their turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.errors import ChatError
from machat.interfaces import IChatWatcher, IDeliveries
from machat.metrics import WebhookFigures
from machat.records import Change
from machat.service import ChatService
from machat.webhooks import batch as batches
from machat.webhooks.attempts import FIRST, LONGEST, PATIENCE, Attempts
from machat.webhooks.batch import Batch, Collector, idOf
from machat.webhooks.events import moderation, presence
from machat.webhooks.receiver import Undelivered
from machat.webhooks.waiting import ROOMS, Waiting

#: The delay before rooms that another process delivers are looked at again, seconds.
BUSY = 5.0

#: The interval at which a store that several processes share is searched for messages that no
#: process delivers, seconds.
SEARCH = 600.0

#: The maximum time for delivering events at the stop, seconds.
STOP = 5.0


class Poster(Protocol):
    """
    A L{machat.webhooks.receiver.Receiver}.

    @ivar name: its name in the log
    """

    name: str

    def post(self, id: str, body: bytes) -> Deferred[None]:
        """
        See L{machat.webhooks.receiver.Receiver.post}.
        """


@implementer(IChatWatcher)
class Webhooks:
    """
    Sends the events of a chat to a receiver.

    @ivar figures: the counters for the metrics
    """

    _log = Logger()

    def __init__(self, chat: ChatService, receiver: Poster) -> None:
        """
        @param chat: a chat that has not been started
        @raise ValueError: its store does not record deliveries
        """
        deliveries = IDeliveries(chat.store, None)
        if deliveries is None:
            raise ValueError("this store does not record which messages have been delivered")
        self._clock = chat.clock
        self._shared = chat.store.shared
        self._deliveries: IDeliveries = deliveries
        self._receiver = receiver
        self._collector = Collector(deliveries, chat.rooms)
        self._waiting = Waiting()
        self.figures = chat.metrics.webhooks = WebhookFigures(
            lambda: self._waiting.events, lambda: self._waiting.lag(self._clock.seconds())
        )
        self._running: Deferred[None] | None = None
        self._stopped: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None
        self._soon: IDelayedCall | None = None
        self._sleeping: Deferred[None] | None = None
        self._idle = False
        self._givenUp = False
        self._search = True
        self._outage: float | None = None
        self._losing = False
        self._most = batches.EVENTS
        chat.watch(self)

    # The events of the chat.

    def said(self, messages: Sequence[Any]) -> None:
        first, last = messages[0], messages[-1]
        self._waiting.said(first.room, first.seq - 1, last.seq, self._clock.seconds())
        self._added()

    def joined(self, room: str, name: str) -> None:
        self._happened(room, presence("joined", room, name, self._now()))

    def left(self, room: str, name: str) -> None:
        self._happened(room, presence("left", room, name, self._now()))

    def moderated(self, room: str, changes: Sequence[Change]) -> None:
        for change in changes:
            self._happened(room, moderation(room, change, self._now()))

    def _happened(self, room: str, event: dict[str, Any]) -> None:
        self._waiting.happened(room, event, self._clock.seconds())
        self._added()

    def _now(self) -> int:
        return int(self._clock.now() * 1000)

    def _added(self) -> None:
        if self._idle:
            self._idle = False
            self._soon = self._clock.callLater(0, self._wake)  # the delivery of a room is running

    # The start and the stop.

    def start(self) -> None:
        self._stopped = None
        self._givenUp = False
        self._search = True
        running = self._running = Deferred.fromCoroutine(self._run())
        running.addErrback(self._ended)

    def stop(self) -> Deferred[None]:
        """
        Deliver what waits, for at most L{STOP} seconds.
        """
        if self._running is None:
            return succeed(None)
        running = self._running
        self._stopped = Deferred()
        late = self._clock.callLater(STOP, self._giveUp, running)
        running.addBoth(self._end, late, self._stopped)
        if self._sleeping is not None:
            self._wake()
        return self._stopped

    def _giveUp(self, running: Deferred[None]) -> None:
        self._givenUp = True
        running.cancel()

    def _end(self, _: object, late: IDelayedCall, stopped: Deferred[None]) -> None:
        self._running = None
        for timer in (late, self._soon):
            if timer is not None and timer.active():
                timer.cancel()
        if self._waiting.events:
            self._log.warn(
                "events not delivered to the webhook {name} before the stop: {count}. Messages are"
                " delivered after the next start if the store is durable",
                count=self._waiting.events,
                name=self._receiver.name,
            )
        self._waiting = Waiting()
        stopped.callback(None)

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("the webhook {name} has ended", failure, name=self._receiver.name)

    # The deliveries.

    async def _run(self) -> None:
        while not self._givenUp and (self._stopped is None or self._waiting or self._search):
            try:
                await self._step()
            except CancelledError:
                raise
            except ChatError as error:  # the store is not available; it reports that itself
                self._log.debug("webhook: {error}", error=error)
                await self._sleep(FIRST)
            except Exception:
                self._log.failure("the webhook {name} has failed", name=self._receiver.name)
                await self._sleep(LONGEST)

    async def _step(self) -> None:
        """
        Search the store, send a request, or wait.
        """
        if self._search or (self._waiting.full and not self._waiting):
            await self._searchStore()
        elif not self._waiting:
            self._idle = True
            await self._sleep(SEARCH if self._shared else None)
            self._search = self._shared and self._stopped is None and not self._waiting
        else:
            batch = await self._collector.collect(self._waiting.rooms(), self._most)
            for room in batch.busy:
                self._waiting.postpone(room)
            if not batch.parts:
                self._idle = True
                await self._sleep(BUSY)
            elif await self._deliver(batch):
                await self._record(batch)

    async def _searchStore(self) -> None:
        """
        Find the messages that were stored before the start, or are waiting elsewhere.
        """
        self._waiting.full = False
        found = await self._deliveries.undelivered(ROOMS)
        self._waiting.full = len(found) >= ROOMS
        for room in found:
            self._waiting.said(room.name, room.seq - 1, room.seq, self._clock.seconds())
        self._search = False

    async def _deliver(self, batch: Batch) -> bool:
        """
        Send a request until it is accepted, or cannot be.

        @return: whether it is settled. Otherwise, another process has delivered a part of it, or it
            must be divided
        """
        if not len(batch):
            return True
        body = batch.body(self._clock.now())
        attempts = Attempts()
        while True:
            error = await self._post(body)
            if error is None:
                self._accepted(len(batch))
                return True
            if self._givenUp:
                return False
            self._failed(error)
            refused = attempts.failed(error, self._clock.seconds())
            if refused >= PATIENCE:
                self._drop(batch, error, refused)
                return True
            await self._sleep(attempts.delay(error))
            if error.lasting and len(batch) > 1:
                self._most = len(batch) // 2
                return False
            if self._shared and not await self._stillClaimed(batch):
                return False

    async def _post(self, body: bytes) -> Undelivered | None:
        try:
            await self._receiver.post(idOf(body), body)
        except Undelivered as error:
            return error
        return None

    def _drop(self, batch: Batch, error: Undelivered, refused: float) -> None:
        """
        Give up the only event of a request.
        """
        self.figures.dropped += 1
        self._log.error(
            "the webhook {name} has refused one event for {time:.0f} s: {why}. It was dropped:"
            " {event}",
            name=self._receiver.name,
            time=refused,
            why=error,
            event=batch.last,
        )

    async def _stillClaimed(self, batch: Batch) -> bool:
        for part in batch.parts:
            if part.cursor is None:
                continue
            if await self._deliveries.claimDelivery(part.room.key) != part.cursor:
                return False
        return True

    async def _record(self, batch: Batch) -> None:
        """
        Remove what was delivered, and record it in the store.
        """
        now = self._clock.seconds()
        for part in batch.parts:
            self._waiting.settle(part.room, part.last, part.events, now)
        self._count(sum([part.lost for part in batch.parts]) + batch.invalid)
        for part in batch.parts:
            if part.cursor is not None:
                more = part.room.top > part.room.done
                await self._deliveries.delivered(part.room.key, part.last, more)

    def _count(self, lost: int) -> None:
        self.figures.dropped += lost + self._waiting.dropped
        lost += self._waiting.dropped
        self._waiting.dropped = 0
        if lost and not self._losing:
            self._log.error(
                "{lost} events were not delivered to the webhook {name}: the store has deleted the"
                " messages, or too many events waited; raise --log-messages and --log-age, or make"
                " the receiver faster",
                lost=lost,
                name=self._receiver.name,
            )
        self._losing = bool(lost)

    def _failed(self, error: Undelivered) -> None:
        self.figures.failures += 1
        if self._outage is None:
            self._outage = self._clock.seconds()
            self._log.error(
                "the webhook {name} does not accept events: {why}. They wait, and are sent again"
                " until it answers with 2xx",
                name=self._receiver.name,
                why=error,
            )

    def _accepted(self, count: int) -> None:
        self.figures.delivered += count
        self._most = min(batches.EVENTS, 2 * self._most)
        if self._outage is not None:
            self._log.info(
                "the webhook {name} accepts events again, after {time:.0f} s",
                name=self._receiver.name,
                time=self._clock.seconds() - self._outage,
            )
            self._outage = None

    # Waiting.

    async def _sleep(self, seconds: float | None) -> None:
        """
        Wait for this time, or C{None}: until an event is added; or shorter, while the chat stops.
        """
        if self._stopped is not None:
            seconds = min(FIRST, LONGEST if seconds is None else seconds)
        self._sleeping = Deferred()
        if seconds is not None:
            self._timer = self._clock.callLater(seconds, self._wake)
        try:
            await self._sleeping
        finally:
            self._sleeping = None
            self._idle = False
            if self._timer is not None and self._timer.active():
                self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        sleeping, self._sleeping = self._sleeping, None
        if sleeping is not None:
            sleeping.callback(None)
