"""
The base of the tests in this package: the facilities that a subclass supplies, and the parts that
the tests have in common.
"""

from __future__ import annotations

import unittest
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from machat import names
from machat.entries import Entry
from machat.errors import ChatError
from machat.events import Draft
from machat.interfaces import IStore, IStoredRoom
from machat.limits import DEFAULTS, Limits
from machat.records import Change, Claim, Stored
from machat.testing.contract.witness import Witness

#: The number of turns within which a store with its own clock, and no reactor, must answer.
_TURNS = 200

if TYPE_CHECKING:
    _Base = TestCase
else:
    _Base = object


def _holds(messages: Sequence[Entry], count: int) -> bool:
    return len(messages) >= count


def line(message: Entry) -> tuple[int, str, str]:
    """
    @return: number, sender and text of a message
    """
    return message.seq, message.sender, message.text


def draft(text: str, id: str | None = None, sender: str = "Mina") -> Draft:
    """
    @return: a message. L{StoreCase.append} completes it with the name of the room
    """
    return Draft("", sender, text, id)


def claimOf(name: str, known: bool = False, secret: bytes | None = None) -> Claim:
    """
    @return: a claim of a name, see L{Claim}
    """
    return Claim(name, names.key(name), known, secret)


class StoreCase(_Base):
    """
    A store under test. A test is skipped if it needs a facility that the subclass does not supply.

    @cvar clock: the clock of the store, if it measures time with a L{Clock}: an attribute of the
        class, or set by L{makeStore}
    @cvar reactor: the reactor, if the store needs it to answer
    @cvar examples: the number of sequences of steps that C{test_sequences} tries
    @cvar shrinks: whether it looks for a shorter sequence if one fails
    """

    clock: Clock | None = None
    reactor: Any = None
    examples = 25
    shrinks = True
    timeout = 120
    _started: Sequence[IStore] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if issubclass(cls, unittest.TestCase) and not issubclass(cls, TestCase):
            raise TypeError(
                f"{cls.__name__} must inherit from twisted.trial.unittest.TestCase: another test "
                "case does not wait for these tests"
            )

    def makeStore(self, limits: Limits) -> IStore:
        """
        Supply the store.

        @return: a store that contains nothing and is not started
        """
        raise NotImplementedError(f"{type(self).__name__} must supply makeStore()")

    async def restart(self, store: IStore, clean: bool) -> IStore:
        """
        Supply the restart of a process.

        @param clean: whether the store is stopped. Otherwise, the process is killed
        @return: a store with the same data, not started; it may be the same object
        """
        self._lacks("restart")

    async def backUp(self, store: IStore) -> Any:
        """
        Supply a copy of all data of a running store. L{restore} uses it to lose the tail of the
        data, as a power failure, a failover or a restored backup does.

        @return: anything that L{restore} understands
        """
        self._lacks("backUp")

    async def restore(self, store: IStore, backup: Any) -> IStore:
        """
        Supply a restart of the process with the data of a backup.

        @param store: the running store. It is killed
        @return: a store with the data of the backup, not started
        """
        self._lacks("restore")

    async def pause(self, store: IStore) -> None:
        """
        Supply a fault: the store cannot reach its data until L{resume}.
        """
        self._lacks("pause")

    async def resume(self, store: IStore) -> None:
        """
        End the fault that L{pause} began.
        """
        self._lacks("resume")

    async def secondNode(self, store: IStore) -> IStore:
        """
        Supply a second process that uses the same data.

        @return: a store, not started
        """
        self._lacks("secondNode")

    async def advance(self, seconds: float) -> None:
        """
        Let time pass for the store. By default, this advances C{clock}.
        """
        if self.clock is None:
            raise SkipTest("the tests of this store have no clock")
        self.clock.advance(seconds)

    async def tidy(self, store: IStore) -> None:
        """
        Let the store delete what exceeds its limits, if it does not do this at once.
        """

    def timeless(self, entry: Entry) -> Entry:
        """
        @return: the entry without its time
        """
        self.assertGreaterEqual(entry.at, 0)
        return replace(entry, at=0)

    def _lacks(self, facility: str) -> NoReturn:
        raise SkipTest(f"the tests of this store do not supply {facility}()")

    async def start(self, limits: Limits = DEFAULTS) -> IStore:
        """
        @return: a new store, started. It is stopped at the end of the test
        """
        return await self.started(self.makeStore(limits))

    async def started(self, store: IStore) -> IStore:
        """
        Start a store, and stop it at the end of the test.
        """
        await self.wait(store.start())
        self.addCleanup(lambda: Deferred.fromCoroutine(self.stop(store)))
        self._started = [*self._started, store]
        return store

    async def stop(self, store: IStore) -> None:
        """
        Stop a store, unless this has happened.
        """
        if self._ended(store):
            await self.inTime(store.stop())

    def _ended(self, store: IStore) -> bool:
        """
        Note that a store is stopped or killed.

        @return: whether it was running
        """
        running = [each for each in self._started if each is not store]
        ended = len(running) < len(self._started)
        self._started = running
        return ended

    async def restarted(self, store: IStore, clean: bool) -> IStore:
        """
        @return: the store after a restart, started
        """
        again = await self.restart(store, clean)
        self._ended(store)
        return await self.started(again)

    async def restored(self, store: IStore, backup: Any) -> IStore:
        """
        @return: the store with the data of a backup, started
        """
        again = await self.restore(store, backup)
        self._ended(store)
        return await self.started(again)

    async def open(self, store: IStore, name: str = "Dev") -> tuple[IStoredRoom, Witness]:
        """
        @return: an opened room, and its observer
        """
        witness = Witness()
        opening = store.open(names.key(name), name, witness, "192.0.2.1")
        room = await self.wait(opening.addCallback(witness.opened))
        return room, witness

    def appending(
        self, room: IStoredRoom, *texts: str | Draft, changes: Sequence[Change] = ()
    ) -> Deferred[Stored]:
        """
        Append messages, without waiting for the result.

        @param texts: messages, or only their texts if Mina sends them without an id
        """
        drafts = [
            replace(each, room=room.name)
            if isinstance(each, Draft)
            else Draft(room.name, "Mina", each)
            for each in texts
        ]
        return room.append(drafts, changes)

    async def append(
        self, room: IStoredRoom, *texts: str | Draft, changes: Sequence[Change] = ()
    ) -> Stored:
        """
        Append messages as L{appending} does, and wait for the result.
        """
        stored: Stored = await self.wait(self.appending(room, *texts, changes=changes))
        return stored

    async def read(self, room: IStoredRoom, after: int = 0, limit: int = 1000) -> list[str]:
        """
        @return: the texts of the stored messages
        """
        return [message.text for message in await self.wait(room.read(after, limit))]

    async def close(self, room: IStoredRoom, witness: Witness) -> None:
        """
        Close a room. Anything that is reported to its observer later is a fault.
        """
        room.close()
        witness.closed = True

    async def wait(self, deferred: Deferred[Any]) -> Any:
        """
        Wait for an answer of the store. Its clock advances only to the end of each turn.

        @return: the result of the C{Deferred}
        """
        outcome: list[Any] = []
        deferred.addBoth(outcome.append)
        await self.until(lambda: bool(outcome), "an answer of the store")
        return self._unwrap(outcome[0])

    async def inTime(self, deferred: Deferred[Any]) -> Any:
        """
        Wait for an answer that may take as long as the store's time limit. The clock advances by up
        to a minute.

        @return: the result of the C{Deferred}
        """
        outcome: list[Any] = []
        deferred.addBoth(outcome.append)
        for _ in range(60):
            if self.clock is not None and not outcome:
                self.clock.advance(0)
                self.clock.advance(1)
        await self.until(lambda: bool(outcome), "an answer within a minute")
        return self._unwrap(outcome[0])

    def _unwrap(self, result: Any) -> Any:
        if isinstance(result, Failure):
            result.raiseException()
        return result

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """
        Wait for a condition.

        @param what: the condition, for the error message if a store without a reactor does not
            meet it
        """
        turns = 0
        while not condition():
            if self.clock is not None:
                self.clock.advance(0)
            if condition():
                return
            if self.reactor is not None:
                await deferLater(self.reactor, 0.001 if turns > 3 else 0)
            elif turns >= _TURNS:
                raise self.failureException(f"waited for {what}, in vain")
            turns += 1

    async def heard(self, count: int, *witnesses: Witness) -> None:
        """
        Wait until each observer has received this number of messages.
        """
        for witness in witnesses:
            messages = witness.messages
            await self.until(partial(_holds, messages, count), f"{count} messages")
            self.assertEqual(len(messages), count)

    async def refused(self, waiting: Awaitable[object]) -> str:
        """
        @return: the code of the L{ChatError} with which an operation fails
        """
        try:
            result = await waiting
        except ChatError as error:
            self.assertNotIn("\n", error.text)
            return error.code
        raise self.failureException(f"not refused: {result!r}")
