"""
Browser tests of the page: keyboard shortcuts.
"""

from __future__ import annotations

from tests.browser import PageTestCase, expect, joinRoom


class KeyboardTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.page = self.enter("Mina")
        for room in ("tea", "desert"):
            joinRoom(self.page, room)

    def expectRoom(self, room: str) -> None:
        """
        Wait until a room is selected and its message field has the focus.
        """
        expect(self.page.get_by_role("tab", selected=True)).to_have_text(room)
        expect(self.page.get_by_label(f"Message to {room}")).to_be_focused()

    def test_move(self) -> None:
        """
        Alt with an arrow key selects the next or the previous room, around the ends.
        """
        for key, room in (("Down", "dev"), ("Down", "tea"), ("Up", "dev"), ("Up", "desert")):
            self.page.keyboard.press(f"Alt+Arrow{key}")
            self.expectRoom(room)

    def test_jump(self) -> None:
        """
        Ctrl+K filters the rooms by the typed text; Enter selects one. Rooms that begin with the
        text come first. Another name can be joined.
        """
        keyboard, options = self.page.keyboard, self.page.get_by_role("option")
        keyboard.press("Control+k")
        expect(options).to_have_text(["dev", "tea", "desert"])
        keyboard.type("TEA")
        expect(options).to_have_text(["tea"])
        keyboard.press("Enter")
        self.expectRoom("tea")
        keyboard.press("Control+k")
        keyboard.type("de")
        keyboard.press("ArrowDown")
        expect(self.page.get_by_role("option", selected=True)).to_have_text("desert")
        keyboard.press("ArrowDown")
        keyboard.press("ArrowDown")
        expect(self.page.get_by_role("option", selected=True)).to_have_text("dev")
        keyboard.press("Enter")
        self.expectRoom("dev")
        keyboard.press("Control+k")
        keyboard.type("new")
        keyboard.press("Enter")
        self.expectRoom("new")

    def test_escape(self) -> None:
        """
        Escape closes a dialog, and returns from elsewhere to the message field.
        """
        keyboard = self.page.keyboard
        keyboard.press("Control+k")
        expect(self.page.get_by_role("dialog")).to_be_visible()
        keyboard.press("Escape")
        expect(self.page.get_by_role("dialog")).to_have_count(0)
        self.expectRoom("desert")
        self.page.get_by_role("log").focus()
        keyboard.press("Escape")
        self.expectRoom("desert")

    def test_help(self) -> None:
        """
        A button and Ctrl+/ show the list of shortcuts.
        """
        self.page.get_by_role("button", name="Keyboard shortcuts").click()
        expect(self.page.get_by_role("dialog")).to_contain_text("Jump to a room")
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+/")
        expect(self.page.get_by_role("dialog")).to_contain_text("Previous room")
        self.page.get_by_role("button", name="Close").click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)
