"""
One room catches up with the engine, and follows it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from machat.errors import FAILED, ChatError
from machat.store.redis.appending import UNAVAILABLE
from machat.store.redis.claims import OUT_OF_TOUCH, Claims, claimedOf, wordsOf
from machat.store.redis.faults import UNEXPECTED, Course, EngineFault
from machat.store.redis.frames import TYPING, Batch, packTyping, parse, unpackTyping
from machat.store.redis.keys import RoomKeys
from machat.store.redis.scripts import CLAIM, SYNC
from machat.store.redis.sender import AGAIN, Sender
from machat.store.redis.session import LinkLost, Session, within
from machat.store.redis.stream import PAGE, Page, Stream, pageOf

if TYPE_CHECKING:
    from machat.store.redis.store import RedisStore

#: The number of published frames that are kept while a room catches up. If there are more, it reads
#: them from the stream.
FRAMES = 256

#: The number of claims that are made with one script.
CLAIMS = 100


class Stage(Enum):
    """
    The condition of a room.
    """

    #: There is no session with the engine.
    WAITING = "waiting"
    #: The room subscribes, and reads the changes that it has missed.
    CATCHING_UP = "catching up"
    READY = "ready"
    CLOSED = "closed"


class Follower:
    """
    Reads the changes that a room has missed, and then passes on the published frames.

    @ivar stage: the condition of the room
    """

    _log = Logger()

    def __init__(
        self, store: RedisStore, keys: RoomKeys, stream: Stream, claims: Claims, sender: Sender
    ) -> None:
        self._store = store
        self._keys = keys
        self._stream = stream
        self._claims = claims
        self._sender = sender
        sender.catchUp = self.catchUp
        self.stage = Stage.WAITING
        self._retry: IDelayedCall | None = None
        self._frames: list[bytes] = []
        self._held = b""
        self._waiting: list[Deferred[None]] = []

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self._sender.ready = stage is Stage.READY

    def close(self) -> None:
        """
        Report nothing more.
        """
        self._enter(Stage.CLOSED)
        self._sender.close()
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        self._frames.clear()
        self._continue()

    async def whenReady(self, due: float) -> Session:
        """
        Wait until the room has caught up.

        @param due: the time at which to give up
        @return: the session with the engine
        @raise ChatError: C{failed}
        """
        while True:
            session = self._store.node.session if self._store.node.holds() else None
            if session is not None and self.stage is Stage.READY:
                return session
            if self.stage is Stage.CLOSED:
                raise ChatError(FAILED, UNAVAILABLE)
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            seconds = due - self._store.clock.seconds()
            try:
                await within(self._store.clock, seconds, waiting, "store")
            except LinkLost:
                raise ChatError(FAILED, UNAVAILABLE) from None
            finally:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)

    def suspend(self) -> None:
        """
        There is no session any more.
        """
        if self.stage is not Stage.CLOSED:
            self._enter(Stage.WAITING)

    def sendTyping(self, name: str) -> None:
        """
        Publish that a member is typing, unless the room is not up to date. A failure is ignored.
        """
        session = self._store.node.session
        if session is not None and self.stage is Stage.READY:
            frame = packTyping(self._store.process, name)
            session.command(b"PUBLISH", self._keys.channel, frame).addErrback(lambda _: None)

    def received(self, frame: bytes) -> None:
        """
        A frame was published in this room.
        """
        if frame.startswith(TYPING):
            typist = unpackTyping(frame, self._store.process)
            if typist is not None and self.stage is Stage.READY:
                self._stream.typing(typist)
        elif self.stage is Stage.CATCHING_UP:
            self._frames.append(frame)
            if len(self._frames) > FRAMES:
                del self._frames[0]  # it is read from the stream
        elif self.stage is Stage.READY and not self._sender.hasReported(frame):
            if self._sender.awaits(frame):
                self._held = frame
            elif not (self._takeHeld() and self._take(frame)):
                self.catchUp()

    def _takeHeld(self) -> bool:
        """
        Take the batch of this process that was published before its reply has arrived.

        @return: C{False}: something before it is missing
        """
        held, self._held = self._held, b""
        return not held or self._sender.hasReported(held) or self._take(held)

    def _take(self, frame: bytes) -> bool:
        """
        @return: C{False}: something before it is missing
        """
        try:
            published = parse(frame)
            if not isinstance(published, Batch):
                return self._claims.take(published)
            own = self._sender.own(published)
            if not self._stream.take(published, own):
                return False
        except (ValueError, MsgspecError):
            self._log.error("what was published in {room} is not valid", room=self._stream.name)
            return True
        if own is not None:
            self._sender.published(own, published)
        return True

    def catchUp(self) -> None:
        """
        Subscribe if necessary, read the changes that the room has missed, and continue.
        """
        session = self._store.node.session
        if session is not None and self.stage in (Stage.WAITING, Stage.READY):
            subscribe = self.stage is Stage.WAITING
            self._enter(Stage.CATCHING_UP)
            self._frames.clear()
            self._held = b""
            self._store.schedule(lambda: self._catchUp(session, subscribe))

    async def _catchUp(self, session: Session, subscribe: bool) -> None:
        if not self._current(session):
            return
        try:
            if subscribe:
                await session.subscribe([self._keys.channel])[0]
            await self._sync(session)
        except LinkLost:
            return
        except EngineFault as error:
            if error.fault.course is Course.RECONNECT:
                self._store.node.reconnect(error)
                return
            self._store.noteFault(self._stream.name, error.fault)
        except Exception:
            self._log.failure("{room} could not catch up", room=self._stream.name)
            self._store.node.reconnect(EngineFault(UNEXPECTED))
            return
        else:
            self._caughtUp(session)
            return
        if self._current(session):
            self._retry = self._store.clock.callLater(AGAIN, self._again, session)

    def _caughtUp(self, session: Session) -> None:
        if self._current(session):
            self._enter(Stage.READY)
            self._store.noteFault(self._stream.name, None)
            self._continue()
            self._sender.resend()

    def _again(self, session: Session) -> None:
        if self._current(session):
            self._enter(Stage.WAITING)
            self.catchUp()

    def _current(self, session: Session) -> bool:
        """
        @return: whether the room catches up in this session
        """
        return self.stage is Stage.CATCHING_UP and self._store.node.session is session

    def _continue(self) -> None:
        """
        Continue the operations that have waited for the room.
        """
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    async def _sync(self, session: Session) -> None:
        """
        Read pages until nothing is missing. The engine has confirmed the subscription before, so
        that everything that is not on the last page is published afterwards.
        """
        registered = (self._store.node.lease.name, session.life)
        same = self._claims.registered == registered
        complete = False
        while not complete:
            page = await self._page(session, same)
            if not self._current(session):
                raise LinkLost("the session has ended")
            if page.timeline.epoch != self._stream.timeline.epoch:
                same = False  # the keys of the room were deleted, perhaps with its claims
                position = self._stream.position
                if self._stream.total >= 0 and not page.timeline.covers(position, page.top.seq):
                    self._store.noteLoss(self._stream.name)
            if self._stream.total < 0:
                self._stream.begin(page)
            else:
                self._stream.catchUp(page, self._sender.current)
            self._claims.catchUp(page, same)
            if not same:
                await self._claimAgain(session)
                self._claims.registered = registered
                same = True
            frames, self._frames = self._frames, []
            complete = all([self._take(frame) for frame in frames]) and not page.full

    async def _page(self, session: Session, same: bool) -> Page:
        stream = self._stream
        limit = PAGE if stream.total >= 0 else 0
        version = self._claims.view.version if same else ""
        header = self._store.header(session, stream.top.seq, self._keys, stream.name)
        words = [*header, stream.top.sub, stream.total, limit, version.encode()]
        return pageOf(await session.run(SYNC, self._keys.six, words))

    async def _claimAgain(self, session: Session) -> None:
        """
        Make all claims again: the node has a new name, or the engine may have lost data.
        """
        dead = self._claims.registered[0] not in ("", self._store.node.lease.name)
        mine, allowed = self._claims.all(), set()
        for start in range(0, len(mine), CLAIMS):
            part = mine[start : start + CLAIMS]
            words = [word for id, claim in part for word in wordsOf(id, claim)]
            words = self.claiming(session, 2**50, words)
            _, results = await session.run(CLAIM, self._keys.six, words)
            for (id, claim), result in zip(part, results, strict=True):
                try:
                    if claimedOf(result, claim, self._stream.name).first:
                        allowed.add(claim.key)
                except ChatError:
                    self._claims.lose(id, OUT_OF_TOUCH)
        if dead:
            self._sender.fence(allowed)

    def claiming(self, session: Session, most: int, words: list[bytes]) -> list[Any]:
        """
        @param session: the session that runs the script
        @param words: the claims, see L{wordsOf}
        @return: the arguments of C{claim.lua}
        """
        header = self._store.header(session, 0, self._keys, self._stream.name)
        return [*header, self._store.node.lease.name.encode(), min(most, 2**50), *words]
