"""
Tests for L{machat.store.redis.keys}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.store.redis.keys import Keys, decode, encode


def slotName(key: bytes) -> bytes:
    """
    @return: the part of a key that decides on its slot, as the specification of the cluster
        describes it
    """
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    return key[start + 1 : end] if start >= 0 and end > start + 1 else key


class KeysTests(SynchronousTestCase):
    """
    Tests for the keys of rooms.
    """

    @given(st.text(max_size=64))
    def test_encode(self, name: str) -> None:
        """
        Any name can be decoded, and its encoded form has no braces, colons or spaces.
        """
        encoded = encode(name)
        self.assertEqual(decode(encoded), name)
        self.assertTrue(encoded.isascii() and not set(encoded) & set("{}: \r\n\0"))

    @given(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=32))
    def test_slot(self, room: str, sender: str) -> None:
        """
        All keys of a room are in the same slot.
        """
        keys = Keys("machat", 0).room(room)
        slots = {slotName(key) for key in (*keys.six, keys.ids(sender))}
        self.assertEqual(slots, {encode(room).encode()})

    @given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=2, unique=True))
    def test_different(self, rooms: list[str]) -> None:
        """
        Two rooms, and two senders in a room, have no key in common.
        """
        one, two = [Keys("machat", 0).room(room) for room in rooms]
        self.assertFalse({*one.six, one.channel} & {*two.six, two.channel})
        self.assertNotEqual(one.ids(rooms[0]), one.ids(rooms[1]))

    def test_brace(self) -> None:
        """
        A brace in the name of a room does not end the hash tag.
        """
        keys = Keys("machat", 3).room("}x")
        self.assertEqual(keys.six[0], b"machat:{%7Dx}:m")
        self.assertEqual(keys.channel, b"machat:{%7Dx}:ch:3")
