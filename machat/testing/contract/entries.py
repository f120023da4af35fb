"""
Tests for entries other than messages of one line.
"""

from __future__ import annotations

from msgspec import Raw

from machat.entries import Content, RichDraft, RichMessage, Said
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
