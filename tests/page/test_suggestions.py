"""
Browser tests of the page: the suggestions for names, emoji and commands, and the list of emoji.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SkipTest

from tests.browser import IN_FIREFOX, PageTestCase, expect, expectTexts, say, signIn
from tests.page.test_safety import Server

PHONE = {"width": 390, "height": 844}


class SuggestionTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def visit(self, **options: Any) -> tuple[Any, Server, Any]:
        """
        @return: a page that has joined C{dev}, what replaces its server, and the message field
        """
        page = self.blank(**options)
        server = Server(page, members=["Mina", "Ada", "Adam", "Bob"], count=4)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        field = page.get_by_role("textbox", name="Message to dev")
        expect(field).to_be_visible()
        return page, server, field

    def test_names(self) -> None:
        """
        The names of the members are listed after an at sign. The arrow keys select one, Enter takes
        it, and Enter sends the message if none is selected.
        """
        page, server, field = self.visit()
        field.press_sequentially("hello @a")
        expect(page.get_by_role("option")).to_have_text(["Ada", "Adam"])
        for _ in range(2):
            field.press("ArrowDown")
        expect(page.get_by_role("option", selected=True)).to_have_text("Adam")
        field.press("Enter")
        expect(field).to_have_value("hello @Adam ")
        expect(page.get_by_role("listbox")).to_have_count(0)
        field.press_sequentially("@b")
        expect(page.get_by_role("option")).to_have_text(["Bob"])
        field.press("Enter")
        self.assertEqual(server.await_("say")["text"], "hello @Adam @b")

    def test_closed(self) -> None:
        """
        Escape closes the list and keeps the text.
        """
        page, _, field = self.visit()
        field.press_sequentially("@a")
        expect(page.get_by_role("listbox")).to_be_visible()
        field.press("Escape")
        expect(page.get_by_role("listbox")).to_have_count(0)
        expect(field).to_have_value("@a")
        expect(field).to_be_focused()

    def test_moved(self) -> None:
        """
        The list closes when the cursor moves away and when the message is sent. Enter then sends
        the whole text, and replaces nothing in it.
        """
        page, server, field = self.visit()
        field.fill(" and more")
        field.press("Home")
        field.press_sequentially("hello @a")
        field.press("ArrowDown")
        expect(page.get_by_role("option", selected=True)).to_have_text("Ada")
        field.press("Control+End")
        expect(page.get_by_role("listbox")).to_have_count(0)
        field.press_sequentially(" @b")
        expect(page.get_by_role("listbox")).to_be_visible()
        field.press("Enter")
        self.assertEqual(server.await_("say")["text"], "hello @a and more @b")
        expect(page.get_by_role("listbox")).to_have_count(0)

    def test_touched(self) -> None:
        """
        On a phone, which has no Tab key, a tap takes a name, and the field keeps the focus.
        """
        if IN_FIREFOX:
            raise SkipTest("playwright cannot tap in Firefox")
        page, _, field = self.visit(viewport=PHONE, has_touch=True)
        field.press_sequentially("@ad")
        page.get_by_role("option", name="Adam").tap()
        expect(field).to_have_value("@Adam ")
        expect(field).to_be_focused()

    def test_composed(self) -> None:
        """
        A name is also completed while a keyboard composes it, as those of phones do.
        """
        if IN_FIREFOX:
            raise SkipTest("playwright cannot compose text in Firefox")
        page, _, field = self.visit()
        field.press("@")
        keyboard = page.context.new_cdp_session(page)
        composed = {"text": "ad", "selectionStart": 2, "selectionEnd": 2}
        keyboard.send("Input.imeSetComposition", composed)
        expect(page.get_by_role("option")).to_have_text(["Ada", "Adam"])
        page.get_by_role("option", name="Adam").click()
        expect(field).to_have_value("@Adam ")
        expect(field).to_be_focused()

    def test_emoji(self) -> None:
        """
        Emoji are listed after a colon by the beginning of a name, and a complete short code between
        colons is replaced. A time or an address is left alone.
        """
        page, _, field = self.visit()
        field.press_sequentially("done :tad")
        expect(page.get_by_role("option", name=":tada:")).to_contain_text("tada party")
        field.press("Tab")
        expect(field).to_have_value("done \U0001f389 ")
        field.press_sequentially("at 12:30: :rocket:")
        expect(field).to_have_value("done \U0001f389 at 12:30: \U0001f680")

    def test_commands(self) -> None:
        """
        A slash at the beginning lists the commands with their explanations.
        """
        page, _, field = self.visit()
        field.press_sequentially("/")
        expect(page.get_by_role("option", name="/join ROOM")).to_contain_text("join a room")
        expect(page.get_by_role("option", name="/mute NAME [MINUTES] [REASON]")).to_contain_text(
            "for moderators"
        )
        field.press_sequentially("sea")
        field.press("Tab")
        expect(field).to_have_value("/search ")
        field.fill("a /")
        expect(page.get_by_role("listbox")).to_have_count(0)

    def test_german(self) -> None:
        """
        A page in German offers the emoji by their German names, and the commands in German.
        """
        page = self.blank(locale="de-DE")
        Server(page)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        page.get_by_label("Dein Name").fill("Mina")
        page.get_by_role("button", name="Beitreten").click()
        field = page.get_by_label("Nachricht an dev")
        field.press_sequentially(":rak")
        expect(page.get_by_role("option")).to_contain_text(["rakete"])
        field.fill("")
        field.press_sequentially("/top")
        expect(page.get_by_role("option")).to_have_text(["/topic [TEXT] f\u00fcr Moderatoren"])


class EmojiTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def test_inserted(self) -> None:
        """
        A button opens the list of emoji. The one that is chosen is inserted at the cursor.
        """
        page = self.enter("Mina")
        field = page.get_by_label("Message to dev")
        field.fill("to the moon")
        field.press("Home")
        page.get_by_role("button", name="Insert an emoji").click()
        page.get_by_role("dialog").get_by_role("textbox").fill("rock")
        page.get_by_role("button", name="rocket ship").click()
        expect(field).to_have_value("\U0001f680to the moon")
        expect(field).to_be_focused()

    def test_reaction(self) -> None:
        """
        Another reaction is chosen from the list with the keyboard, or by its name.
        """
        page = self.enter("Mina")
        say(page, "done")
        expectTexts(page, ["done"])
        for keys in (["Tab", "ArrowRight", "Enter"], ["f", "o", "x", "Enter"]):
            page.get_by_role("button", name="Actions for the message").focus()
            page.keyboard.press("Enter")
            page.get_by_role("menuitem", name="Another reaction").click()
            expect(page.get_by_role("button", name="grinning smile")).to_be_visible()
            for key in keys:
                page.keyboard.press(key)
            expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator(".chip")).to_have_text(["\U0001f604 1", "\U0001f98a 1"])
