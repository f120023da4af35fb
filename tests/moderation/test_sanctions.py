"""
Tests for L{machat.moderation.sanctions}.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.errors import ChatError
from machat.limits import Limits
from machat.moderation.sanctions import SWEEP, Active, Kind, Sanction, Sanctions, Target
from machat.records import Imposed

MINA: Target = (Kind.MUTE, "mina")
ADA: Target = (Kind.BAN, "ada")


class SanctionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sanctions = Sanctions(
            self.clock, Limits(maxSanctionsPerRoom=3, maxSanctions=4, maxSanctionsPerModerator=2)
        )

    def test_end(self) -> None:
        """
        A sanction has one room, one kind, and an end.
        """
        (imposed,) = self.sanctions.impose("dev", [MINA], "mina", 10)
        self.assertEqual(imposed, Imposed("mute", "mina", 10.0, "mina", None))
        self.assertEqual(self.sanctions.until("dev", [MINA, ADA]), 10.0)
        self.assertIsNone(self.sanctions.until("dev", [(Kind.BAN, "mina")]))
        self.assertIsNone(self.sanctions.until("other", [MINA]))
        self.clock.advance(10)
        self.assertIsNone(self.sanctions.until("dev", [MINA]))

    def test_again(self) -> None:
        """
        A sanction that is imposed again replaces the first, with the new end; of several
        sanctions, the last end counts.
        """
        self.sanctions.impose("dev", [MINA], "mina", 10)
        self.sanctions.impose("dev", [MINA], "mina", 5)
        self.assertEqual(len(self.sanctions), 1)
        self.sanctions.impose("dev", [ADA], "ada", 7)
        self.assertEqual(self.sanctions.until("dev", [MINA, ADA]), 7.0)

    def test_lift(self) -> None:
        """
        Sanctions that were imposed together are lifted together by their name, in any spelling; a
        sanction against an address alone is lifted by that address.
        """
        network: Target = (Kind.ADDRESS, "192.0.2.1")
        self.sanctions.impose("dev", [ADA, network], "Ada", 9)
        self.assertFalse(self.sanctions.lift("dev", [Kind.MUTE], "ada"))
        self.assertFalse(self.sanctions.lift("other", tuple(Kind), "ada"))
        self.assertFalse(self.sanctions.lift("dev", tuple(Kind), "192.0.2.1"))
        self.assertTrue(self.sanctions.lift("dev", tuple(Kind), "ADA"))
        self.assertEqual(len(self.sanctions), 0)
        self.sanctions.impose("dev", [ADA, network], "Ada", 9)
        self.assertFalse(self.sanctions.liftNetwork("dev", "192.0.2.2"))
        self.assertTrue(self.sanctions.liftNetwork("dev", "192.0.2.1"))
        self.assertEqual(self.sanctions.until("dev", [ADA]), 9.0)
        self.assertTrue(self.sanctions.lift("dev", tuple(Kind), "ada"))
        self.assertEqual(len(self.sanctions), 0)

    def test_has(self) -> None:
        """
        It is cheap to ask whether a kind of sanction exists at all; expired sanctions are removed
        after a while.
        """
        self.sanctions.impose("dev", [MINA], "mina", 10)
        self.assertTrue(self.sanctions.has("dev", Kind.MUTE))
        self.assertFalse(self.sanctions.has("dev", Kind.BAN))
        self.clock.advance(SWEEP + 1)
        self.sanctions.until("dev", [ADA])
        self.assertFalse(self.sanctions.has("dev", Kind.MUTE))
        self.assertEqual(len(self.sanctions), 0)

    def test_bounds(self) -> None:
        """
        Sanctions over the limit of a room or the chat are refused as a group; expired ones make
        room.
        """
        for room, names in (("dev", "abc"), ("other", "d")):
            for name in names:
                self.sanctions.impose(room, [(Kind.BAN, name)], name, 10)
        for room in ("dev", "third"):
            error = self.assertRaises(
                ChatError, self.sanctions.impose, room, [(Kind.BAN, "x")], "x", 10
            )
            self.assertEqual(error.code, "not-allowed")
        self.sanctions.impose("dev", [(Kind.BAN, "a")], "a", 20)
        self.clock.advance(10)
        self.sanctions.impose("dev", [(Kind.BAN, "x"), (Kind.BAN, "y")], "x", 10)
        self.assertEqual(len(self.sanctions), 3)

    def refused(self, room: str, name: str, by: str | None = None) -> None:
        """
        Check that a ban is refused.
        """
        impose = self.sanctions.impose
        error = self.assertRaises(ChatError, impose, room, [(Kind.BAN, name)], name, 10, by)
        self.assertEqual(error.code, "not-allowed")

    def test_quotaOfAModerator(self) -> None:
        """
        A moderator may have a limited number of sanctions in all rooms, in any spelling of the
        moderator's name. Renewing an own sanction is free, renewing another's counts, and lifted
        or expired sanctions do not count.
        """
        self.sanctions = Sanctions(self.clock, Limits(maxSanctionsPerModerator=2))
        impose = self.sanctions.impose
        impose("dev", [(Kind.BAN, "a")], "a", 10, "Mod")
        impose("other", [(Kind.BAN, "b")], "b", 20, "mod")
        impose("dev", [(Kind.BAN, "a")], "a", 10, "MOD")
        self.refused("third", "c", "Mod")
        impose("third", [(Kind.BAN, "c")], "c", 10, "Eve")
        self.refused("third", "c", "Mod")
        self.sanctions.lift("other", tuple(Kind), "b")
        impose("third", [(Kind.BAN, "c")], "c", 10, "Mod")
        self.refused("third", "d", "Mod")
        self.clock.advance(10)
        impose("third", [(Kind.BAN, "d")], "d", 10, "Mod")
        impose("third", [(Kind.BAN, "e")], "e", 10, "Mod")
        self.assertEqual(len(self.sanctions), 2)

    def test_reserve(self) -> None:
        """
        A fifth of each room's limit and of the total is reserved for the application.
        """
        limits = Limits(maxSanctionsPerRoom=5, maxSanctions=10, maxSanctionsPerModerator=9)
        self.sanctions = Sanctions(self.clock, limits)
        for room in ("dev", "other"):
            for name in "abcd":
                self.sanctions.impose(room, [(Kind.BAN, name)], name, 10, f"Mod{name}")
            self.refused(room, "e", "Mod")
        self.refused("third", "a", "Mod")
        for room in ("dev", "other"):
            self.sanctions.impose(room, [(Kind.BAN, "e")], "e", 10)
            self.refused(room, "f")
        self.refused("third", "a")

    def test_active(self) -> None:
        """
        Active sanctions are listed, for one room or all, with target, end and moderator.
        """
        self.sanctions.impose("dev", [MINA], "Mina", 10, "Mod")
        self.sanctions.impose("dev", [(Kind.ADDRESS, "192.0.2.1")], None, 20)
        self.sanctions.impose("other", [ADA], "Ada", 20)
        self.clock.advance(10)
        address = Active("dev", Kind.ADDRESS, "192.0.2.1", Sanction(20.0, None, None))
        self.assertEqual(list(self.sanctions.active("dev")), [address])
        self.assertEqual(len(list(self.sanctions.active())), 2)


class SanctionsMachine(RuleBasedStateMachine):
    """
    Sanctions compared with a plain list.
    """

    rooms = st.sampled_from(["dev", "other"])
    against = st.tuples(st.sampled_from(Kind), st.sampled_from("abc"))

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.sanctions = Sanctions(self.clock, Limits(maxSanctionsPerRoom=4, maxSanctions=6))
        self.model: dict[tuple[str, Target], float] = {}

    @rule(room=rooms, one=against, seconds=st.integers(1, 90))
    def impose(self, room: str, one: Target, seconds: int) -> None:
        others = {each for each in self.alive() if each != (room, one)}
        full = len(others) >= 6 or len([r for r, _ in others if r == room]) >= 4
        try:
            (imposed,) = self.sanctions.impose(room, [one], one[1], seconds)
        except ChatError:
            assert full
        else:
            assert isinstance(imposed, Imposed)
            self.model[room, one] = imposed.until

    @rule(room=rooms, kind=st.sampled_from(Kind), label=st.sampled_from("abc"))
    def lift(self, room: str, kind: Kind, label: str) -> None:
        self.sanctions.lift(room, [kind], label)
        self.model.pop((room, (kind, label)), None)

    @rule(seconds=st.integers(0, 50))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    def alive(self) -> set[tuple[str, Target]]:
        return {each for each, until in self.model.items() if until > self.clock.seconds()}

    @invariant()
    def same(self) -> None:
        alive = self.alive()
        for room in ("dev", "other"):
            for kind in Kind:
                for name in "abc":
                    until = self.sanctions.until(room, [(kind, name)])
                    known = (room, (kind, name))
                    assert until == (self.model[known] if known in alive else None)
        assert len(alive) <= len(self.sanctions) <= 6


class MachineTests(SynchronousTestCase):
    def test_anyOrder(self) -> None:
        """
        Whatever is imposed, lifted and waited for, the active sanctions are correct and the limits
        hold.
        """
        run_state_machine_as_test(
            SanctionsMachine,
            settings=settings(deadline=None, max_examples=40, stateful_step_count=20),
        )
