"""
Tests for L{machat.rooms.searching}.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from machat import commands
from machat.entries import Edit, Message, React, Redact, Said
from machat.errors import BAD_COMMAND, BUSY, NOT_JOINED, ChatError
from machat.events import History
from machat.limits import Limits
from machat.rooms import searching
from machat.rooms.searching import Searches, contains, wordsOf
from machat.testing import MemoryChat

#: Steps in a room: a message, an edit, a redaction or a reaction. The number selects the
#: message that is changed.
STEPS = st.lists(
    st.tuples(
        st.sampled_from([Said, Said, Said, Edit, Redact, React]),
        st.integers(0, 9),
        st.text("aAbß ", max_size=5),
    ),
    max_size=14,
)


def message(text: str) -> Message:
    return Message("dev", 1, "Mina", text, 0)


class WordTests(SynchronousTestCase):
    """
    Tests for L{wordsOf} and L{contains}.
    """

    def test_words(self) -> None:
        """
        A text is split at white space. A word that occurs twice counts once.
        """
        self.assertEqual(wordsOf(" Two\twords\u3000TWO "), ("two", "words"))

    def test_noWord(self) -> None:
        """
        A text without a word is refused.
        """
        error = self.assertRaises(ChatError, wordsOf, " \n")
        self.assertEqual(error.code, BAD_COMMAND)

    def test_contains(self) -> None:
        """
        Words are compared like names: without regard to case and width, also inside of a word.
        """
        for text, words, expected in (
            ("Straße", "STRASSE", True),
            ("\uff33\uff34\uff32asse", "stras", True),
            ("cafe\u0301", "caf\u00e9", True),
            ("cafe", "caf\u00e9", False),
            ("one two", "two one", True),
            ("one two", "one three", False),
            ("", "a", False),
        ):
            self.assertEqual(contains(message(text), wordsOf(words)), expected, (text, words))

    def test_long(self) -> None:
        """
        A long text is compared without normalisation, which could take very long.
        """
        short, long = "\uff21Ä" * 2_000, "\uff21Ä" * 3_000
        self.assertTrue(contains(message(short), wordsOf("aä")))
        self.assertFalse(contains(message(long), wordsOf("aä")))
        self.assertTrue(contains(message(long), ["\uff41ä"]))


class SearchTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(rate=float("inf")))
        self.mina = self.chat.member("Mina", "dev")
        self.bound(PAUSE=0)

    def add(self, content: Any) -> None:
        """
        Append a message or a change of one. A change that the chat refuses has no effect.
        """
        posted = self.chat.service.post(self.mina, "dev", content)
        posted.addErrback(lambda failure: failure.trap(ChatError))
        self.chat.turn()

    def begin(self, **fields: Any) -> Deferred[History]:
        return self.chat.service.search(self.mina, "dev", commands.History(room="dev", **fields))

    def search(self, **fields: Any) -> History:
        """
        @return: the answer
        """
        waiting = self.begin(**fields)
        self.chat.clock.advance(0)
        return self.successResultOf(waiting)

    def bound(self, **limits: Any) -> None:
        """
        Change the limits of the search.
        """
        for name, value in limits.items():
            self.patch(searching, name, value)


class SearchTests(SearchTestCase):
    """
    Tests for searches in one room.
    """

    def test_limits(self) -> None:
        """
        A request searches a limited number of entries. The answer states where to continue.
        """
        self.bound(ENTRIES=4)
        for text in "abcabcabca":
            self.add(Said(text))
        for fields, seqs, searched in (
            ({}, [7, 10], 7),
            ({"before": 7}, [4], 3),
            ({"before": 3}, [1], 1),
            ({"before": 1}, [], 1),
            ({"before": 0}, [], 0),
            ({"before": 99}, [7, 10], 7),
            ({"after": 0}, [1, 4], 4),
            ({"after": 8}, [10], 10),
            ({"after": 10}, [], 10),
            ({"limit": 1}, [10], 10),
            ({"limit": 0}, [], 11),
        ):
            found = self.search(text="A", **fields)
            self.assertEqual([each.seq for each in found.messages], seqs, fields)
            self.assertEqual((found.seq, found.searched), (10, searched), fields)

    def test_weight(self) -> None:
        """
        A request searches a limited number of characters, but at least one message, and ends after
        a limited time.
        """
        for _ in range(9):
            self.add(Said("x" * 1_000))
        for limits, searched in (
            ({"WEIGHT": 3_000}, 7),
            ({"WEIGHT": 1}, 9),
            ({"FOUND": 1_500}, 8),
            ({"SECONDS": 0.0}, 9),
        ):
            self.bound(**{"WEIGHT": 10**9, "FOUND": 10**9, "SECONDS": 9.0, **limits})
            self.assertEqual(self.search(text="x").searched, searched, limits)

    def test_turns(self) -> None:
        """
        A search lets everything else have its turn after each slice.
        """
        for _ in range(20):
            self.add(Said("x" * 1_000))
        self.bound(SLICE=2_000)
        waiting = self.begin(text="y")
        turns: list[bool] = []

        def other() -> None:
            turns.append(waiting.called and not waiting.paused)
            if not turns[-1]:
                self.chat.clock.callLater(0, other)

        self.chat.clock.callLater(0, other)
        self.chat.clock.advance(0)
        self.assertGreaterEqual(len(turns), 10)
        self.assertEqual(self.successResultOf(waiting).searched, 1)

    def test_changedMeanwhile(self) -> None:
        """
        A message that is redacted during the search is not found, and an edited message only if its
        new text contains the words.
        """
        for text in ["apple 1", *["x"] * 20, "apple 2", "apple 3"]:
            self.add(Said(text))
        self.bound(SLICE=1)
        waiting = self.begin(text="apple")
        for content in (Redact(23), Edit(22, "apple 4"), React(22, "\U0001f44d")):
            self.chat.service.post(self.mina, "dev", content)
        self.chat.clock.advance(0)
        found = self.successResultOf(waiting).messages
        self.assertEqual([each.text for each in found], ["apple 1", "apple 4"])
        self.assertEqual(found[1].reactions, {"\U0001f44d": ("Mina",)})
        self.add(Edit(1, "pear"))
        self.assertEqual(len(self.search(text="apple").messages), 1)

    @given(STEPS, st.sampled_from(["a", "A b", "ss"]), st.integers(1, 3), st.booleans())
    def test_model(self, steps: Any, words: str, limit: int, forwards: bool) -> None:
        """
        A client that continues until the end finds each message once whose current text contains
        the words.
        """
        self.setUp()
        self.bound(ENTRIES=3, SLICE=70, FIRST=2)
        texts: dict[int, str] = {}
        seq = 0
        for kind, number, text in steps:
            target = sorted(texts)[number % len(texts)] if texts else 0
            if kind is Said:
                seq += 1
                texts[seq] = text
            elif texts and kind is not React:
                seq += 1
                if kind is Edit:
                    texts[target] = text
                else:
                    del texts[target]
            elif texts:
                text = str(seq)
                seq += 1
            if kind is Said or target:
                self.add(kind(text) if kind is Said else kind(target, text))
        wanted = wordsOf(words)
        expected = [each for each, text in texts.items() if contains(message(text), wanted)]
        self.assertEqual(self.all(words, limit, forwards, seq), sorted(expected))

    def all(self, words: str, limit: int, forwards: bool, top: int) -> list[int]:
        """
        @return: the numbers of all messages that repeated searches find
        """
        found: list[int] = []
        at: int | None = 0 if forwards else None
        while True:
            which = {"after": at} if forwards else {"before": at}
            answer = self.search(text=words, limit=limit, **which)
            self.assertEqual(answer.seq, top)
            found += [each.seq for each in answer.messages]
            assert answer.searched is not None
            if answer.searched >= top if forwards else answer.searched <= 1:
                return sorted(found)
            self.assertNotEqual(answer.searched, at)
            at = answer.searched


class SearchesTests(SearchTestCase):
    """
    Tests for L{Searches}.
    """

    def waiting(self, count: int, network: str | None) -> list[Deferred[History]]:
        """
        @return: as many searches
        """
        room = self.chat.service._directory.find(self.mina, "dev")
        wanted = searching.Wanted(commands.History(room="dev", text="x"), 300)
        return [
            Deferred.fromCoroutine(self.searches.run(room, wanted, network, self.check))
            for _ in range(count)
        ]

    def check(self) -> None:
        if self.gone:
            raise ChatError(NOT_JOINED, "gone")

    def setUp(self) -> None:
        super().setUp()
        self.gone = False
        self.searches = Searches(self.chat.clock)
        self.bound(SLICE=1)
        self.add(Said("x"))
        self.add(Said("x"))

    def test_order(self) -> None:
        """
        The searches run one after the other. The limit of a network does not apply to others.
        """
        several = (
            self.waiting(4, "192.0.2.1") + self.waiting(1, "192.0.2.2") + self.waiting(5, None)
        )
        (refused,) = self.waiting(1, "192.0.2.1")
        error = self.failureResultOf(refused, ChatError).value
        self.assertEqual((error.code, error.retry), (BUSY, 1.0))
        ended: list[int] = []
        for number, each in enumerate(several):
            each.addCallback(lambda found, number: ended.append(number), number)
        self.chat.clock.advance(0)
        self.assertEqual(ended, list(range(10)))
        self.assertEqual(len(self.waiting(4, "192.0.2.1")), 4)

    def test_most(self) -> None:
        """
        The number of waiting searches is limited.
        """
        self.waiting(searching.WAITING, None)
        (refused,) = self.waiting(1, None)
        self.assertEqual(self.failureResultOf(refused, ChatError).value.code, BUSY)

    def test_gone(self) -> None:
        """
        A search ends when its member has left the room.
        """
        several = self.waiting(3, None)
        self.gone = True
        self.chat.clock.advance(0)
        for each in several:
            self.assertEqual(self.failureResultOf(each, ChatError).value.code, NOT_JOINED)
        self.gone = False
        self.assertEqual(len(self.waiting(searching.WAITING, None)), searching.WAITING)

    def test_abandoned(self) -> None:
        """
        The garbage collector closes the searches of a chat that is no longer used, in any order.
        None of them resumes another one.
        """
        room = self.chat.service._directory.find(self.mina, "dev")
        wanted = searching.Wanted(commands.History(room="dev", text="x"), 300)
        several = [self.searches.run(room, wanted, None, self.check) for _ in range(3)]
        results: list[object] = []
        for each in several:
            Deferred.fromCoroutine(each).addBoth(results.append)
        for each in reversed(several):
            each.close()
        self.assertEqual(results, [])
