"""
Tests for entries other than messages of one line.
"""

from __future__ import annotations

from msgspec import Raw
from msgspec.structs import replace

from machat.entries import (
    REACTIONS,
    Content,
    Edit,
    Edited,
    Entry,
    Message,
    React,
    Reacted,
    Redact,
    Redacted,
    RichDraft,
    RichMessage,
    Said,
)
from machat.errors import NO_SUCH_MESSAGE, TOO_MANY_REACTIONS
from machat.interfaces import IStoredRoom
from machat.testing.contract.case import StoreCase


def rich(content: Content, id: str | None = None, sender: str = "Mina") -> RichDraft:
    """
    @return: an entry. L{StoreCase.append} completes it with the name of the room
    """
    return RichDraft("", sender, content.text, id, content)


class EntryTests(StoreCase):
    """
    Tests for messages with other fields, and for what changes them.
    """

    async def test_richMessages(self) -> None:
        """
        Lines, C{data} and C{reply} of a message are reported and read as they were appended.
        """
        room, witness = await self.open(await self.start())
        contents = [Said("a\nb"), Said("", b'{"x":[1.0,"\xc3\xbc"]}'), Said("c", b"", 1)]
        await self.append(room, "plain", *map(rich, contents), "plain")
        await self.heard(5, witness)
        expected = [
            RichMessage(room.name, 2, "Mina", "a\nb", 0),
            RichMessage(room.name, 3, "Mina", "", 0, json=Raw(contents[1].json)),
            RichMessage(room.name, 4, "Mina", "c", 0, reply=1),
        ]
        for found in (witness.messages, await self.wait(room.read(0, 9))):
            self.assertEqual([self.timeless(each) for each in found[1:4]], expected)
            self.assertEqual([each.text for each in found], ["plain", "a\nb", "", "c", "plain"])
            self.assertEqual(found[2].data, {"x": [1.0, "ü"]})  # type: ignore[union-attr]

    async def entries(self, room: IStoredRoom, after: int = 0) -> list[Entry]:
        """
        @return: the stored entries, without their times
        """
        return [self.timeless(each) for each in await self.wait(room.read(after, 99))]

    async def test_edit(self) -> None:
        """
        An edit is reported with its text. Then the message has the new text, and keeps its other
        fields. The next edit removes the text of the first.
        """
        room, witness = await self.open(await self.start())
        await self.append(room, "plain", rich(Said("a", b"{}", 1)))
        await self.append(room, rich(Edit(2, "b")), "other", rich(Edit(1, "x"), sender="Ada"))
        await self.append(room, rich(Edit(2, "c\nd")))
        await self.heard(6, witness)
        name = room.name
        edit = Edited(room=name, seq=3, target=2, by="Mina", text="b", at=0)
        other = Edited(room=name, seq=5, target=1, by="Ada", text="x", at=0)
        last = Edited(room=name, seq=6, target=2, by="Mina", text="c\nd", at=0)
        reported = [self.timeless(each) for each in witness.messages]
        self.assertEqual([reported[2], *reported[4:]], [edit, other, last])
        self.assertEqual(
            await self.entries(room),
            [
                RichMessage(name, 1, "Mina", "x", 0, edited=True),
                RichMessage(name, 2, "Mina", "c\nd", 0, json=Raw(b"{}"), reply=1, edited=True),
                Edited(room=name, seq=3, target=2, by="Mina", text="", at=0, replaced=True),
                Message(name, 4, "Mina", "other", 0),
                other,
                last,
            ],
        )
        self.assertEqual(await self.entries(room, 5), [last])

    async def test_redact(self) -> None:
        """
        A redaction removes everything of a message but its sender, also the texts of its edits.
        Afterwards, the message cannot be changed.
        """
        room, witness = await self.open(await self.start())
        await self.append(room, rich(Said("secret", b'{"a":1}', 1)), rich(React(1, "\U0001f44d")))
        await self.append(room, rich(Edit(1, "secret 2")))
        await self.append(room, rich(Redact(1, "a reason", "Mina"), sender="Ada"))
        stored = await self.append(room, rich(Edit(1, "x")), rich(Redact(1)), "a")
        self.assertEqual(stored.refusals, {0: NO_SUCH_MESSAGE, 1: NO_SUCH_MESSAGE})
        self.assertEqual(stored.numbers[2], 5)
        await self.heard(5, witness)
        name = room.name
        redacted = Redacted(
            room=name, seq=4, target=1, by="Ada", author="Mina", reason="a reason", at=0
        )
        self.assertEqual(self.timeless(witness.messages[3]), redacted)
        found = await self.entries(room)
        self.assertEqual(found[0], RichMessage(name, 1, "Mina", "", 0, redacted=True))
        edit = Edited(room=name, seq=3, target=1, by="Mina", text="", at=0, replaced=True)
        self.assertEqual(found[2:4], [edit, redacted])

    async def test_react(self) -> None:
        """
        Reactions are counted by emoji and name. One that exists already, or is removed and does not
        exist, is not stored.
        """
        room, witness = await self.open(await self.start())
        batch = [rich(React(1, "x")), rich(React(1, "x"), sender="MINA"), rich(React(1, "y"))]
        stored = await self.append(room, "a", *batch, rich(React(1, "x"), sender="Ada"))
        self.assertEqual(list(stored.numbers), [1, 2, 1, 3, 4])
        self.assertEqual([index in stored.duplicates for index in range(5)], [0, 0, 1, 0, 0])
        name = room.name
        (message, *_) = await self.entries(room)
        self.assertEqual(message.reactions, {"x": ("Mina", "Ada"), "y": ("Mina",)})  # type: ignore[union-attr]
        removed = [rich(React(1, "x", True)), rich(React(1, "z", True)), rich(React(1, "x", True))]
        stored = await self.append(room, *removed)
        self.assertEqual(list(stored.numbers), [5, 1, 1])
        await self.heard(5, witness)
        last = Reacted(room=name, seq=5, target=1, by="Mina", emoji="x", remove=True, at=0)
        self.assertEqual(self.timeless(witness.messages[-1]), last)
        found = await self.entries(room)
        self.assertEqual(found[-1], last)
        self.assertEqual(found[0].reactions, {"x": ("Ada",), "y": ("Mina",)})  # type: ignore[union-attr]
        await self.append(room, rich(Edit(1, "b")))
        (message, *_) = await self.entries(room)
        self.assertEqual((message.text, message.reactions), ("b", {"x": ("Ada",), "y": ("Mina",)}))  # type: ignore[union-attr]

    async def test_manyReactions(self) -> None:
        """
        A message has a limited number of reactions.
        """
        room, _ = await self.open(await self.start())
        await self.append(room, "a")
        names = [f"M{number}" for number in range(REACTIONS + 2)]
        stored = await self.append(room, *[rich(React(1, "x"), sender=name) for name in names])
        refused = {REACTIONS: TOO_MANY_REACTIONS, REACTIONS + 1: TOO_MANY_REACTIONS}
        self.assertEqual(stored.refusals, refused)
        await self.append(room, rich(React(1, "x", True), sender="M0"))
        stored = await self.append(room, rich(React(1, "y"), sender="M51"))
        self.assertEqual(stored.refusals, {})

    async def test_noTarget(self) -> None:
        """
        Only a stored message can be changed. A refused entry gets no number, and its id stays
        unused.
        """
        room, witness = await self.open(await self.start())
        stored = await self.append(room, "a", rich(React(1, "x")), rich(Edit(4, "b"), "7"), "c")
        self.assertEqual(stored.refusals, {2: NO_SUCH_MESSAGE})
        self.assertEqual([*stored.numbers[:2], stored.numbers[3]], [1, 2, 3])
        stored = await self.append(room, rich(Edit(2, "b")), rich(React(9, "x")), rich(Redact(0)))
        self.assertEqual(stored.refusals, dict.fromkeys(range(3), NO_SUCH_MESSAGE))
        again = await self.append(room, rich(Edit(3, "b"), "7"), rich(Edit(3, "b"), "7"))
        self.assertEqual((list(again.numbers), again.refusals), ([4, 4], {}))
        self.assertIn(1, again.duplicates)
        await self.heard(4, witness)

    async def test_largestNumber(self) -> None:
        """
        The largest number that a client can send is the number of no message.
        """
        room, _ = await self.open(await self.start())
        await self.append(room, "a")
        self.assertEqual(await self.wait(room.read(2**53 - 1, 1)), [])
        for change in (Edit(2**53, "b"), Redact(2**53), React(2**53, "x")):
            stored = await self.append(room, rich(change))
            self.assertEqual(stored.refusals, {0: NO_SUCH_MESSAGE})

    async def test_revisionsRestart(self) -> None:
        """
        After a restart, the messages are in their current state.
        """
        store = await self.start()
        room, witness = await self.open(store)
        await self.append(room, "a", "b", rich(React(1, "x")), rich(Edit(1, "c")), rich(Redact(2)))
        await self.heard(5, witness)
        before = await self.entries(room)
        await self.close(room, witness)
        store = await self.restarted(store, True)
        room, _ = await self.open(store)
        self.assertEqual(await self.entries(room), before)

    async def test_nodeRevisions(self) -> None:
        """
        If two processes change a message at the same time, each change is made once, and nothing
        changes a message after its redaction.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, inHere = await self.open(store)
        there, inThere = await self.open(other)
        await self.append(here, "a", "b")
        await self.heard(2, inHere, inThere)
        name = here.name
        first = [replace(rich(React(1, "x")), room=name), replace(rich(Redact(2)), room=name)]
        second = [replace(each, room=name) for each in (rich(React(1, "x")), rich(Edit(2, "c")))]
        waiting = (here.append(first), there.append(second))
        stored = [await self.wait(each) for each in waiting]
        self.assertEqual(sum(0 in each.duplicates for each in stored), 1)
        await self.append(here, "end")
        await self.until(lambda: inThere.texts()[-1] == "end" == inHere.texts()[-1], "the end")
        self.assertEqual(inHere.messages, inThere.messages)
        found = await self.entries(there)
        self.assertEqual(found, await self.entries(here))
        self.assertEqual(found[0].reactions, {"x": ("Mina",)})  # type: ignore[union-attr]
        self.assertEqual(found[1], RichMessage(name, 2, "Mina", "", 0, redacted=True))
        edits = [each.text for each in found if isinstance(each, Edited)]
        self.assertEqual(edits, [] if stored[1].refusals else [""])
