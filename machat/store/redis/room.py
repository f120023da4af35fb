"""
One open room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import MsgspecError
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from machat import names
from machat.entries import Entry, Message
from machat.errors import FAILED, NAME_TAKEN, ChatError
from machat.events import Draft, Position, Receipt
from machat.interfaces import IRoomObserver, IStoredRoom
from machat.records import TAKEN_OVER, Change, Claim, Claimed, Names, RoomRecord, Stored
from machat.revisions import withReactions
from machat.store.packing import entryOf
from machat.store.redis.appending import UNAVAILABLE
from machat.store.redis.claims import (
    Claims,
    claimedOf,
    claimReplyOf,
    versionOf,
    wordsOf,
)
from machat.store.redis.faults import UNEXPECTED, Course, EngineFault
from machat.store.redis.follower import Follower, Stage
from machat.store.redis.frames import parseEntry, unpackLine, unpackReactions
from machat.store.redis.keys import RoomKeys
from machat.store.redis.scripts import CLAIM, READ
from machat.store.redis.sender import AGAIN, Sender
from machat.store.redis.session import LinkLost, Session, within
from machat.store.redis.stream import Stream

if TYPE_CHECKING:
    from machat.store.redis.store import RedisStore

T = TypeVar("T")

#: The time after which a room reads the claims again if they are not published, in seconds.
OVERDUE = 0.5


@implementer(IStoredRoom)
class RedisRoom:
    """
    A room.

    @ivar keys: its keys in the engine
    @ivar claims: its claims
    @ivar follower: follows the engine
    """

    _log = Logger()

    def __init__(
        self, store: RedisStore, keys: RoomKeys, name: str, observer: IRoomObserver
    ) -> None:
        self._store = store
        self.keys = keys
        self._stream = Stream(name, observer, store.time)
        self.claims = Claims(observer, store.isOwn, self._releaseId)
        self._sender = Sender(store, keys, self._stream)
        self.follower = Follower(store, keys, self._stream, self.claims, self._sender)

    @property
    def name(self) -> str:
        """
        See L{IStoredRoom}.
        """
        return self._stream.name

    @property
    def position(self) -> Position:
        """
        See L{IStoredRoom}.
        """
        return self._stream.position

    @property
    def record(self) -> RoomRecord:
        """
        See L{IStoredRoom}.
        """
        return self._stream.state.record

    def append(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        return self._sender.append(batch, changes)

    def covers(self, position: Position) -> bool:
        return self._stream.timeline.covers(position, self._stream.top.seq)

    def members(self, limit: int) -> Deferred[Names]:
        return Deferred.fromCoroutine(self._members(limit))

    async def _members(self, limit: int) -> Names:
        """
        Ask the engine only for the version of the claims, and wait until it has arrived here.
        """
        due = self._store.due()
        version = await self._ask(self._askVersion, versionOf)
        while not self.claims.view.isAt(version):
            seconds = min(OVERDUE, due - self._store.clock.seconds())
            try:
                await within(self._store.clock, seconds, self.claims.whenChanged(), "claims")
            except LinkLost:
                if self._store.clock.seconds() >= due:
                    raise ChatError(FAILED, UNAVAILABLE) from None
                self.follower.catchUp()
        return self.claims.view.names(limit)

    def _askVersion(self, session: Session) -> Deferred[Any]:
        self._store.releases.send()
        return session.command(b"HGET", self.keys.claims, b"=")

    def read(self, after: int, limit: int) -> Deferred[Sequence[Entry]]:
        return Deferred.fromCoroutine(self._read(after, limit))

    async def _read(self, after: int, limit: int) -> Sequence[Entry]:
        limits = self._store.limitWords
        words = [after, min(limit, 2**31), limits[0], limits[2]]
        return await self._ask(
            lambda session: session.run(READ, self.keys.six, words), self._messagesOf
        )

    def _messagesOf(self, reply: Any) -> Sequence[Entry]:
        messages = []
        for entry in reply:
            top, fields = parseEntry(entry)
            if top.seq > self._stream.top.seq:
                break  # it has not been reported yet
            try:
                line = unpackLine(fields[b"d"])
            except MsgspecError:
                self._log.error("a message in {room} is not valid", room=self.name)
            else:
                message = entryOf(line, self.name, top.seq, int(fields[b"t"]))
                if len(entry) > 2 and entry[2] and isinstance(message, Message):
                    message = withReactions(message, unpackReactions(entry[2]))
                messages.append(message)
        return messages

    def find(self, sender: str, id: str) -> Deferred[Receipt | None]:
        return Deferred.fromCoroutine(self._find(names.key(sender), id))

    async def _find(self, sender: str, id: str) -> Receipt | None:
        key = self.keys.ids(sender)
        seq = await self._ask(
            lambda session: session.command(b"HGET", key, id.encode()),
            lambda reply: None if reply is None else int(reply),
        )
        return None if seq is None else Receipt(self.name, seq, True)

    def claim(self, claim: Claim, most: int) -> Deferred[Claimed]:
        return Deferred.fromCoroutine(self._claim(claim, most))

    async def _claim(self, claim: Claim, most: int) -> Claimed:
        id = self._store.newId()
        words = wordsOf(id, claim)
        self.claims.begin(id, claim)
        try:
            frame, (result,) = await self._ask(partial(self._sendClaim, most, words), claimReplyOf)
        except BaseException:
            self.claims.release(claim)
            raise
        if frame:
            self.follower.received(frame)
        try:
            claimed = claimedOf(result, claim, self.name)
        except ChatError:
            self.claims.drop(id)
            raise
        if not self.claims.wanted(id):
            raise ChatError(NAME_TAKEN, TAKEN_OVER)
        self.claims.made(id)
        return claimed

    def _sendClaim(self, most: int, words: list[bytes], session: Session) -> Deferred[Any]:
        self._store.releases.send()  # the name may be one of those that are released in this turn
        return session.run(CLAIM, self.keys.six, self.follower.claiming(session, most, words))

    def release(self, claim: Claim) -> None:
        self.claims.release(claim)

    def _releaseId(self, id: str, key: str) -> None:
        self._store.releases.add(self.keys, self.name, id, key)

    def typing(self, name: str) -> None:
        self.follower.sendTyping(name)

    def close(self) -> None:
        if self.follower.stage is not Stage.CLOSED:
            self.follower.close()
            self._store.closed(self)

    async def _ask(self, send: Callable[[Session], Deferred[Any]], read: Callable[[Any], T]) -> T:
        """
        Send a command that may be sent again, until there is a reply.

        @param send: sends it in a session
        @param read: returns the content of the reply
        @raise ChatError: C{failed}
        """
        clock = self._store.clock
        due = self._store.due()
        while True:
            session = await self.follower.whenReady(due)
            try:
                return read(await within(clock, due - clock.seconds(), send(session), "answer"))
            except LinkLost:
                if clock.seconds() >= due:
                    raise ChatError(FAILED, UNAVAILABLE) from None
                if session is self._store.node.session:
                    await self._pause(0)  # its end is reported in this turn
            except EngineFault as error:
                await self._afterFault(error, due)
            except (ValueError, TypeError, LookupError, AttributeError):
                await self._afterFault(EngineFault(UNEXPECTED), due)

    async def _afterFault(self, error: EngineFault, due: float) -> None:
        """
        Wait before a command is sent again.

        @raise ChatError: C{failed}: it makes no sense to send it again
        """
        course = error.fault.course
        if course is Course.RECONNECT:
            self._store.node.reconnect(error)
        elif course is not Course.WAIT:
            self._store.noteFault(self.name, error.fault)
            raise ChatError(FAILED, UNAVAILABLE)
        if self._store.clock.seconds() + AGAIN >= due:
            raise ChatError(FAILED, UNAVAILABLE)
        await self._pause(AGAIN)

    async def _pause(self, seconds: float) -> None:
        pause: Deferred[None] = Deferred()
        self._store.clock.callLater(seconds, pause.callback, None)
        await pause
