"""
Tests for the removal of texts from the file.
"""

from __future__ import annotations

from math import inf
from random import Random
from typing import Any

from machat.entries import Content, Draft, Edit, React, Redact, RichDraft, RichMessage, Said
from machat.store.sqlite import SqliteStore, inspect
from machat.store.sqlite.upkeep import INTERVAL
from tests.store.sqlite.machine import StoreCase

SECRETS = ("hunter2hunter2", "correct horse battery")


class RevisionCase(StoreCase):
    """
    A room with messages.
    """

    limits = {"logMessages": 40}

    def setUp(self) -> None:
        super().setUp()
        self.store = self.start()
        self.room, _ = self.open(self.store)
        # Counting reads the file in another thread, and meanwhile the WAL cannot be emptied.
        self.quiet(self.store)
        self.store.upkeep._counting = inf

    def do(self, content: Content, sender: str = "Mina") -> int:
        """
        @return: the number of an entry
        """
        draft = RichDraft(self.room.name, sender, content.text, None, content)
        (number,) = self.say(self.room, draft).numbers
        return number

    def later(self, store: SqliteStore) -> None:
        """
        Let the upkeep do its work.
        """
        self.reactor.advance(INTERVAL)
        self.quiet(store)

    def found(self, secret: str) -> list[str]:
        """
        @return: the files that contain a text
        """
        names = [self.path, f"{self.path}-wal"]
        files = {name: open(name, "rb").read() for name in names}  # noqa: SIM115
        return [name for name, data in files.items() if secret.encode() in data]


class ErasureTests(RevisionCase):
    """
    Tests for the bytes of the file and of the WAL.
    """

    def erased(self, *changes: Any) -> None:
        """
        Store both secrets between other messages, make changes, and look for the secrets.
        """
        random = Random(5)
        self.say(self.room, *["x" * random.randrange(9000) for _ in range(20)])
        first = self.do(Said(f"{SECRETS[0]} {'y' * 5000}", b'{"x":"%b"}' % SECRETS[0].encode()))
        self.say(self.room, "plain", *["x" * random.randrange(900) for _ in range(5)])
        self.later(self.store)
        self.assertIn(self.path, self.found(SECRETS[0]))
        for change in changes:
            self.do(change(first))
            self.say(self.room, "z" * random.randrange(5000))
        self.later(self.store)
        for secret in SECRETS[: len(changes)]:
            self.assertEqual(self.found(secret), [])
        self.assertEqual(list(inspect.check(self.path)), [])

    def test_redacted(self) -> None:
        """
        The text and the data of a redacted message are in no file.
        """
        self.erased(Redact)

    def test_editedAndRedacted(self) -> None:
        """
        The text of an edit is not in the file after a redaction either.
        """
        self.erased(lambda target: Edit(target, SECRETS[1] * 50), Redact)

    def test_editedTwice(self) -> None:
        """
        A second edit removes the text of the first.
        """
        number = self.do(Said("a"))
        self.do(Edit(number, SECRETS[0] * 500))
        self.do(Edit(number, "b"))
        self.later(self.store)
        self.assertEqual(self.found(SECRETS[0]), [])

    def test_exported(self) -> None:
        """
        An export contains the current state.
        """
        number = self.do(Said(SECRETS[0]))
        self.do(React(number, "x"))
        self.do(Edit(number, "b"))
        message, *rest = inspect.messages(self.path)
        self.assertEqual((message.text, [each.text for each in rest]), ("b", ["x", "b"]))
        assert isinstance(message, RichMessage)
        self.assertEqual(message.reactions, {"x": ("Mina",)})

    def test_backup(self) -> None:
        """
        A backup does not contain removed texts.
        """
        self.do(Redact(self.do(Said(SECRETS[0] * 1000))))
        inspect.backup(self.path, f"{self.path}.copy")
        with open(f"{self.path}.copy", "rb") as copy:
            self.assertNotIn(SECRETS[0].encode(), copy.read())


class RetentionTests(RevisionCase):
    """
    Tests for changes of messages that are deleted.
    """

    def test_deleted(self) -> None:
        """
        An edit keeps its text after its message was deleted. Everything is deleted in the end.
        """
        number = self.do(Said("a"))
        self.say(self.room, *"x" * 30)
        self.do(React(number, "x"))
        edit = self.do(Edit(number, "b"))
        for _ in range(19):
            self.say(self.room, "y", "z")
        self.quiet(self.store)
        (entry, *_) = self.reactor.wait(self.room.read(edit - 1, 1))
        self.assertEqual((entry.text, entry.replaced), ("b", False))
        self.assertEqual(self.sql("SELECT count(*) FROM reaction"), [(0,)])
        for _ in range(20):
            self.say(self.room, "y", "z")
        self.quiet(self.store)
        self.assertEqual(self.sql("SELECT count(*) FROM revision"), [(0,)])

    def test_size(self) -> None:
        """
        The new texts count towards the size of a room. Many edits of one message do not fill the
        file.
        """
        number = self.do(Said("a"))
        before = self.room.tail.total
        self.do(Edit(number, "x" * 10_000))
        self.assertGreater(self.room.tail.total - before, 10_000)
        pages = self.sql("PRAGMA page_count")
        for _ in range(20):
            self.do(Edit(number, "y" * 10_000))
        self.later(self.store)
        self.assertLess(self.sql("PRAGMA page_count")[0][0] - pages[0][0], 10)

    def test_plain(self) -> None:
        """
        The drafts of plain messages are stored as before.
        """
        self.say(self.room, Draft(self.room.name, "Mina", "a"))
        self.assertEqual(self.sql("SELECT data FROM batch"), [(b"\x91\x92\xa4Mina\xa1a",)])
