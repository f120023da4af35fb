"""
A short browser test of the page, which also runs in Firefox: the most frequent actions.
"""

from __future__ import annotations

from tests.browser import PageTestCase, expect, expectTexts, say


class SmokeTests(PageTestCase):
    def test_conversation(self) -> None:
        """
        A user joins, sends and receives, edits a message, adds a reaction from the menu, completes
        a name, and joins another room by a link.
        """
        self.serveOn()
        page, eve = self.enter("Mina"), self.tcpClient("Eve")
        say(page, "hello")
        self.assertEqual(eve.await_("message")["text"], "hello")
        eve.send(type="say", text="hi, see you in #tea")
        expectTexts(page, ["hello", "hi, see you in #tea"])
        field = page.get_by_label("Message to dev")
        field.press("ArrowUp")
        expect(field).to_have_value("hello")
        say(page, "hello, Eve")
        expectTexts(page, ["hello, Eve", "hi, see you in #tea"])
        page.locator(".message").last.hover()
        page.get_by_role("button", name="Actions for the message from Eve").click()
        page.get_by_role("menuitem", name="React with \u2705").click()
        expect(page.locator(".chip")).to_have_text("\u2705 1")
        field.press_sequentially("@e")
        field.press("Tab")
        expect(field).to_have_value("@Eve ")
        page.get_by_role("link", name="#tea").click()
        expect(page.get_by_role("tab", selected=True)).to_have_text("tea")
