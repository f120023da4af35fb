"""
Browser tests of the page: the search in the stored messages.
"""

from __future__ import annotations

from tests.browser import PageTestCase, expect, say


class SearchTests(PageTestCase):
    def test_search(self) -> None:
        """
        The command C{/search} lists the stored messages that contain the words, the newest first. A
        click on one scrolls to it, and loads it if necessary.
        """
        self.serveOn("--rate", "off", "--log-messages", "1000")
        eve = self.tcpClient("Eve")
        for number in range(1, 251):
            eve.send(type="say", text=f"line {number}.")
        eve.send(type="say", text="LINE 3. again", id="1")
        eve.await_("ack")
        mina = self.enter("Mina")
        say(mina, "/search 3. line")
        dialog = mina.get_by_role("dialog", name="Messages with “3. line”")
        expect(dialog.get_by_role("status")).to_have_text("26 messages found")
        found = dialog.locator("li .text")
        expect(found.first).to_have_text("LINE 3. again")
        expect(found.last).to_have_text("line 3.")
        expect(dialog.get_by_role("button", name="Search older messages")).to_be_hidden()
        found.last.click()
        expect(dialog).to_be_hidden()
        expect(mina.locator(".message", has_text="line 3.").first).to_be_focused()

    def test_nothing(self) -> None:
        """
        If nothing is found, the dialog reports that. A search without words is not sent.
        """
        self.serveOn()
        mina = self.enter("Mina")
        say(mina, "/search nothing")
        dialog = mina.get_by_role("dialog")
        expect(dialog.get_by_role("status")).to_have_text("0 messages found")
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_be_hidden()
        say(mina, "/search")
        expect(mina.locator(".composer")).to_contain_text("/search needs a word")
