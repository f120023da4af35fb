"""
Browser tests of the page: the time for which the author of a message may change it.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, expectTexts
from tests.page.test_safety import Server

#: The time of the first message, milliseconds since 1970. The clock of the browser is far from it.
FIRST = 1_000_000_000_000


class EditTimeTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.page = self.blank()
        self.server = Server(self.page)
        self.server.limits = {"edit": 60}
        self.joinDev(self.page)

    def tell(self, seq: int, sender: str, seconds: int) -> None:
        """
        Send a message, as long after the first one.
        """
        at = FIRST + 1_000 * seconds
        about = {"type": "message", "room": "dev", "seq": seq, "at": at, "from": sender}
        self.server.tell(**about, text=f"line {seq}")

    def actions(self, text: str) -> list[str]:
        """
        @return: the actions on a message, without the reactions
        """
        message: Any = self.page.locator(".message", has_text=text)
        message.hover()
        message.locator(".menu-button").click()
        expect(self.page.get_by_role("menu")).to_be_visible()
        found: list[str] = self.page.get_by_role("menuitem").all_inner_texts()
        self.page.keyboard.press("Escape")
        return found[found.index("Reply") :]

    def test_actions(self) -> None:
        """
        The actions that change a message are offered while the server permits them, by its clock.
        Later, the arrow key up shows the time.
        """
        self.tell(1, "Mina", 0)
        expectTexts(self.page, ["line 1"])
        self.assertEqual(self.actions("line 1"), ["Reply", "Copy link", "Edit", "Remove…"])
        self.tell(2, "Mina", 61)
        expectTexts(self.page, ["line 1", "line 2"])
        self.assertEqual(self.actions("line 1"), ["Reply", "Copy link"])
        self.assertEqual(self.actions("line 2"), ["Reply", "Copy link", "Edit", "Remove…"])
        self.tell(3, "Eve", 200)
        expectTexts(self.page, ["line 1", "line 2", "line 3"])
        field = self.page.get_by_label("Message to dev")
        field.press("ArrowUp")
        expect(self.page.locator(".composer")).to_contain_text(
            "You can change a message for 1 minute only."
        )
        expect(field).to_have_value("")
