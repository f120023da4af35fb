"""
Browser tests of the page: moderators list a room, and set its key.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, signIn
from tests.page.test_safety import Server


class RoomAccessTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.page = self.blank()
        self.server = Server(self.page, moderator=True)
        self.page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(self.page, "Mina")
        self.page.get_by_role("button", name="Moderation…").click()
        self.dialog = self.page.get_by_role("dialog", name="Moderation of dev")
        self.sanctions()

    def sanctions(self) -> None:
        """
        Answer that there are no mutes or bans.
        """
        asked = self.server.take("sanctions")
        self.server.tell(type="sanctions", room="dev", sanctions=[], id=asked["id"])

    def done(self, type: str) -> dict[str, Any]:
        """
        Confirm a command.

        @return: its fields
        """
        command: dict[str, Any] = self.server.take(type)
        self.server.tell(type="done", id=command.pop("id"))
        self.sanctions()
        return command

    def expectSaid(self, text: str) -> None:
        """
        Wait until the dialog shows a result.
        """
        expect(self.dialog.get_by_role("status")).to_have_text(text)

    def test_list(self) -> None:
        """
        The panel shows whether the room is listed, and changes that.
        """
        asked = self.server.take("rooms")
        self.assertEqual((asked["prefix"], asked["limit"]), ("dev", 1))
        rooms = [{"name": "Dev", "count": 1}]
        self.server.tell(type="rooms", rooms=rooms, more=False, id=asked["id"])
        self.dialog.get_by_role("button", name="Remove the room from the list").click()
        self.assertEqual(self.done("list"), {"type": "list", "room": "dev", "listed": False})
        self.expectSaid("The room is not in the list of rooms.")
        self.dialog.get_by_role("button", name="Add the room to the list").click()
        self.assertTrue(self.done("list")["listed"])
        self.expectSaid("The room is in the list of rooms.")
        expect(self.dialog.get_by_role("button", name="Remove the room from")).to_be_visible()

    def test_key(self) -> None:
        """
        A key is set and removed. It is shown neither while it is typed nor afterwards. A refusal
        is shown, and the key stays in its field.
        """
        field = self.dialog.get_by_label("Key that is needed")
        field.fill("open sesame")
        expect(field).to_have_attribute("type", "password")
        self.dialog.get_by_role("button", name="Set the key").click()
        refused = self.server.take("key")
        self.server.tell(type="error", id=refused["id"], code="not-allowed", text="no")
        self.expectSaid("No.")
        expect(field).to_have_value("open sesame")
        field.press("Enter")
        self.assertEqual(self.done("key")["key"], "open sesame")
        self.expectSaid("The key is set. It is not shown again: tell it to those who may join.")
        expect(field).to_have_value("")
        self.assertNotIn("sesame", self.page.content())
        self.dialog.get_by_role("button", name="Remove the key").click()
        self.assertIsNone(self.done("key")["key"])
        self.expectSaid("No key is needed to join.")
