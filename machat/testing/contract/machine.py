"""
Arbitrary sequences of steps, which Hypothesis chooses, on a store and on its model.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace
from twisted.trial.unittest import SkipTest

from machat import names
from machat.entries import (
    Content,
    Draft,
    Edit,
    React,
    Redact,
    RichDraft,
)
from machat.errors import ChatError
from machat.events import Receipt
from machat.interfaces import IStore
from machat.limits import Limits
from machat.records import Change, Claim, Imposed, KeySet, Lifted, ListingSet, TopicSet
from machat.testing.contract.case import StoreCase
from machat.testing.contract.comparison import Opened, compareRoom, statesOf
from machat.testing.contract.model import MOST, Model, RoomModel

_ROOMS = ("dev", "Dev", "ops")
_SENDERS = ("Mina", "MINA", "Bob")
_LATER = 9_000_000_000.0
_SHRINKING = (Phase.shrink, Phase.explain)
_LIMITS = Limits(remembered=120.0)

_targets = st.integers(1, 4)
_contents: st.SearchStrategy[str | Content] = st.one_of(
    st.sampled_from("ab"),
    st.builds(Edit, _targets, st.sampled_from("cd")),
    st.builds(Redact, _targets),
    st.builds(React, _targets, st.sampled_from("xy"), st.booleans()),
)
_drafts = st.lists(
    st.tuples(st.sampled_from(_SENDERS), _contents, st.sampled_from([None, "1", "2"])),
    max_size=4,
)
_changes = st.lists(
    st.sampled_from(
        [
            TopicSet("tea"),
            TopicSet(None),
            ListingSet(True),
            ListingSet(False),
            KeySet("a hash"),
            KeySet(None),
            Imposed("mute", "bob", _LATER, "Bob", "Mina"),
            Imposed("mute", "bob", _LATER + 1, "Bob", None),
            Imposed("ban", "bob", _LATER, "Bob", None),
            Lifted("mute", "bob"),
        ]
    ),
    max_size=2,
)
_claims = st.tuples(st.sampled_from(_SENDERS), st.booleans())


def _draftOf(model: RoomModel, sender: str, content: str | Content, id: str | None) -> Draft:
    """
    @param content: a target below 4 stands for one of the messages that can be changed, if there
        are any
    """
    if isinstance(content, str):
        return Draft(model.name, sender, content, id)
    found = [seq for seq, item in enumerate(model.items, 1) if item.message]
    if isinstance(content, (Edit, Redact, React)) and content.target < 4 and found:
        content = replace(content, target=found[content.target % len(found)])
    return RichDraft(model.name, sender, content.text, id, content)


class StoreMachine(RuleBasedStateMachine):
    """
    A store, its model, and the steps.

    @cvar case: the test that supplies the store
    @cvar run: calls a coroutine function, and waits for its result
    @ivar nodes: for each process, its store and open rooms
    """

    case: StoreCase
    run: Callable[[Callable[[], Coroutine[Any, Any, None]]], None]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.nodes: list[tuple[IStore, dict[str, Opened]]] = []
        self.backup: tuple[Any, dict[str, RoomModel]] | None = None
        self.now = 0.0

    def perform(self, step: Callable[..., Coroutine[Any, Any, object]], *arguments: Any) -> None:
        """
        Perform one step, then compare. Skip a step that the store's tests do not supply.
        """

        async def performed() -> None:
            try:
                await step(*arguments)
            except SkipTest:
                return
            await self.compare()

        type(self).run(performed)

    async def add(self, store: IStore) -> None:
        """
        Start a process.
        """
        await self.case.wait(store.start())
        self.nodes.append((store, {}))

    @initialize()
    def begin(self) -> None:
        """
        Start the store.
        """

        async def begin() -> None:
            await self.add(self.case.makeStore(_LIMITS))

        self.perform(begin)

    @precondition(lambda self: len(self.nodes) == 1)
    @rule()
    def second(self) -> None:
        """
        Start a second process.
        """

        async def second() -> None:
            await self.add(await self.case.secondNode(self.nodes[0][0]))

        self.perform(second)

    async def opened(self, node: int, name: str) -> Opened:
        """
        @return: the room, which is opened if it is not open
        """
        store, rooms = self.nodes[node % len(self.nodes)]
        key = names.key(name)
        if key not in rooms:
            room, witness = await self.case.open(store, name)
            model = self.model.rooms.get(key)
            if model is None:
                model = self.model.rooms[key] = RoomModel(name)
            elif not model.lines and not any(key in other for _, other in self.nodes):
                model.adopt(room)
            self.case.assertEqual(room.name, model.name)
            self.model.see(key, room.position)
            rooms[key] = Opened(room, witness)
        return rooms[key]

    @rule(node=st.integers(0, 1), name=st.sampled_from(_ROOMS))
    def open(self, node: int, name: str) -> None:
        """
        Open a room.
        """
        self.perform(self.opened, node, name)

    @rule(node=st.integers(0, 1), name=st.sampled_from(_ROOMS), drafts=_drafts, changes=_changes)
    def append(
        self,
        node: int,
        name: str,
        drafts: list[tuple[str, str | Content, str | None]],
        changes: list[Change],
    ) -> None:
        """
        Append messages and changes.
        """

        async def append() -> None:
            opened = await self.opened(node, name)
            model = self.model.rooms[names.key(name)]
            batch = [_draftOf(model, *draft) for draft in drafts]
            if not batch and not changes:
                return
            stored = await self.case.wait(opened.room.append(batch, changes))
            numbers = model.append(batch, self.now, _LIMITS.remembered)
            model.change(changes)
            found = [
                -number if index in stored.duplicates else number
                for index, number in enumerate(stored.numbers)
            ]
            self.case.assertEqual(found, numbers)
            for _, rooms in self.nodes:
                if names.key(name) in rooms:
                    rooms[names.key(name)].changes += changes

        self.perform(append)

    @rule(node=st.integers(0, 1), name=st.sampled_from(_ROOMS), wish=_claims)
    def claim(self, node: int, name: str, wish: tuple[str, bool]) -> None:
        """
        Claim a name.
        """

        async def claim() -> None:
            opened = await self.opened(node, name)
            key = names.key(name)
            claim = Claim(wish[0], names.key(wish[0]), wish[1])
            codes = self.model.refusals(key, claim)
            before = self.model.names(key)
            try:
                claimed = await self.case.wait(opened.room.claim(claim, MOST))
            except ChatError as error:
                self.case.assertIn(error.code, codes)
                return
            self.case.assertEqual(codes, set())
            self.model.claims[key].append(claim)
            opened.claims.append(claim)
            self.case.assertEqual(claimed.first, claim.key not in before)
            self.case.assertEqual(claimed.total, len(self.model.names(key)))

        self.perform(claim)

    @rule(node=st.integers(0, 1), name=st.sampled_from(_ROOMS), again=st.booleans())
    def release(self, node: int, name: str, again: bool) -> None:
        """
        Release a claim, perhaps twice.
        """

        async def release() -> None:
            opened = await self.opened(node, name)
            if opened.claims:
                claim = opened.claims.pop(0)
                self.model.claims[names.key(name)].remove(claim)
                opened.room.release(claim)
                if again:
                    opened.room.release(claim)
                # Another node sees the end of the claim after this one has asked for the names.
                await self.case.inTime(opened.room.members(1))

        self.perform(release)

    @rule(
        node=st.integers(0, 1),
        name=st.sampled_from(_ROOMS),
        after=st.integers(0, 6),
        limit=st.integers(1, 4),
    )
    def read(self, node: int, name: str, after: int, limit: int) -> None:
        """
        Read messages.
        """

        async def read() -> None:
            opened = await self.opened(node, name)
            model = self.model.rooms[names.key(name)]
            found = await self.case.wait(opened.room.read(after, limit))
            self.case.assertEqual(statesOf(found), model.states()[after : after + limit])

        self.perform(read)

    @rule(node=st.integers(0, 1), name=st.sampled_from(_ROOMS))
    def find(self, node: int, name: str) -> None:
        """
        Look for a message by its id.
        """

        async def find() -> None:
            opened = await self.opened(node, name)
            model = self.model.rooms[names.key(name)]
            seq, at = model.ids.get(("mina", "1"), (0, 0.0))
            found = await self.case.wait(opened.room.find("Mina", "1"))
            known = seq and self.now - at <= _LIMITS.remembered
            expected = Receipt(model.name, seq, duplicate=True) if known else None
            self.case.assertEqual(found, expected)

        self.perform(find)

    @rule(node=st.integers(0, 1), name=st.sampled_from(_ROOMS))
    def close(self, node: int, name: str) -> None:
        """
        Release all claims of a room, and close it.
        """

        async def close() -> None:
            opened = await self.opened(node, name)
            await self.compare()
            for claim in opened.claims:
                self.model.claims[names.key(name)].remove(claim)
                opened.room.release(claim)
            await self.case.close(opened.room, opened.witness)
            del self.nodes[node % len(self.nodes)][1][names.key(name)]

        self.perform(close)

    # No sum of these is the time for which ids are known.
    @rule(seconds=st.sampled_from([7, 61, 1000]))
    def advance(self, seconds: int) -> None:
        """
        Let time pass.
        """

        async def advance() -> None:
            await self.case.advance(seconds)
            self.now += seconds

        self.perform(advance)

    @precondition(lambda self: len(self.nodes) == 1)
    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        """
        Restart the process.
        """

        async def restart() -> None:
            store = await self.case.restart(self.nodes[0][0], clean)
            self.model.claims.clear()
            self.nodes.clear()
            await self.add(store)

        self.perform(restart)

    @rule()
    def backUp(self) -> None:
        """
        Copy the data.
        """

        async def backUp() -> None:
            self.backup = (await self.case.backUp(self.nodes[0][0]), self.model.backUp())

        self.perform(backUp)

    @precondition(lambda self: self.backup and len(self.nodes) == 1)
    @rule()
    def restore(self) -> None:
        """
        Restart the process with the copy.
        """

        async def restore() -> None:
            assert self.backup is not None
            store = await self.case.restore(self.nodes[0][0], self.backup[0])
            self.model.restore(self.backup[1])
            self.nodes.clear()
            await self.add(store)

        self.perform(restore)

    async def compare(self) -> None:
        """
        Compare everything that can be seen without changing anything.
        """
        for _, rooms in self.nodes:
            for key, opened in rooms.items():
                await compareRoom(self.case, self.model, key, opened)

    def teardown(self) -> None:
        async def stop() -> None:
            for store, _ in self.nodes:
                await self.case.inTime(store.stop())

        type(self).run(stop)


def explore(case: StoreCase, run: Callable[[Callable[[], Any]], None]) -> None:
    """
    Perform sequences of steps on the stores of a test.

    @param run: calls a coroutine function, and waits for its result
    """
    machine = type("StoreMachine", (StoreMachine,), {"case": case, "run": staticmethod(run)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None,
            max_examples=case.examples,
            phases=[each for each in Phase if case.shrinks or each not in _SHRINKING],
            stateful_step_count=20,
            suppress_health_check=list(HealthCheck),
        ),
    )
