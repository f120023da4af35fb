"""
Browser tests of the page: the search in the stored messages.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, expectTexts, say, waitFor
from tests.page.test_safety import Server

#: Returns whether exactly these texts are highlighted, in the current match or in the others.
HIGHLIGHTED = """([name, texts]) =>
    JSON.stringify([...(CSS.highlights.get(name) ?? [])].map(String)) === JSON.stringify(texts)"""


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
        expect(dialog.locator("li time")).to_have_count(26)
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


class FindTests(PageTestCase):
    """
    The search in the loaded messages.
    """

    def start(self, *texts: str, **options: Any) -> Any:
        """
        @return: a page with these messages
        """
        self.serveOn()
        page = self.blank(**options)
        self.server = Server(page)
        self.joinDev(page)
        for seq, text in enumerate(texts, 1):
            self.server.message(seq, "Eve", text)
        if texts:
            expect(page.locator(".text").last).to_have_text(texts[-1])
        return page

    def find(self, page: Any, words: str, room: str = "dev") -> Any:
        """
        Open the search, and type words.

        @return: the bar
        """
        page.get_by_role("button", name="Search", exact=True).click()
        bar = page.get_by_role("search")
        expect(bar.get_by_role("searchbox", name=f"Search in {room}")).to_be_focused()
        page.keyboard.type(words)
        return bar

    def expectFound(self, page: Any, place: str, current: list[str], others: list[str]) -> None:
        """
        Wait until the bar shows a place, and these texts are highlighted.
        """
        expect(page.get_by_role("search").get_by_role("status")).to_have_text(place)
        waitFor(page, HIGHLIGHTED, ["find-current", current])
        waitFor(page, HIGHLIGHTED, ["find", others])

    def test_matches(self) -> None:
        """
        The words are highlighted in all messages that contain all of them. The keys and buttons
        move to the previous and the next of these messages. New messages are searched too.
        """
        page = self.start("alpha beta", "beta", "Alpha gamma, alpha", "x.y-z")
        self.find(page, "alpha")
        self.expectFound(page, "2 of 2", ["Alpha", "alpha"], ["alpha"])
        page.keyboard.press("Enter")
        self.expectFound(page, "1 of 2", ["alpha"], ["Alpha", "alpha"])
        page.get_by_role("button", name="Previous match").click()
        self.expectFound(page, "2 of 2", ["Alpha", "alpha"], ["alpha"])
        page.get_by_role("button", name="Next match").click()
        self.server.message(5, "Eve", "alphabet")
        self.expectFound(page, "1 of 3", ["alpha"], ["Alpha", "alpha", "alpha"])
        field = page.get_by_role("searchbox")
        field.fill("alpha GAMMA")
        self.expectFound(page, "1 of 1", ["Alpha", "alpha", "gamma"], [])
        field.fill(".")
        self.expectFound(page, "1 of 1", ["."], [])
        field.fill("y-z")
        self.expectFound(page, "1 of 1", ["y-z"], [])
        field.fill("nothing")
        self.expectFound(page, "None here", [], [])

    def test_scrolls(self) -> None:
        """
        A match that is far above is scrolled to, and the field keeps the focus. Escape closes the
        bar and returns to the message field; nothing is highlighted any more.
        """
        page = self.start("a needle", *[f"line {number}" for number in range(300)])
        bar = self.find(page, "needle")
        expect(page.get_by_text("a needle")).to_be_in_viewport()
        self.expectFound(page, "1 of 1", ["needle"], [])
        expect(bar.get_by_role("searchbox")).to_be_focused()
        page.keyboard.press("Tab")
        expect(bar.get_by_role("button", name="Previous match")).to_be_focused()
        page.keyboard.press("Escape")
        expect(bar).to_be_hidden()
        expect(page.get_by_label("Message to dev")).to_be_focused()
        waitFor(page, HIGHLIGHTED, ["find-current", []])

    def test_rooms(self) -> None:
        """
        Each room keeps its own highlights while another one is searched and left.
        """
        page = self.start("alpha")
        self.find(page, "alpha")
        self.server.converse("Ada", "beta")
        page.get_by_role("tab", name="Ada").click()
        self.find(page, "beta", "Ada")
        self.expectFound(page, "1 of 1", ["beta"], [])
        page.get_by_role("tab", name="dev").click()
        self.expectFound(page, "1 of 1", ["alpha"], [])
        page.get_by_role("tab", name="Ada").click()
        page.get_by_role("button", name="Close", exact=True).click()
        self.expectFound(page, "1 of 1", ["alpha"], [])

    def test_server(self) -> None:
        """
        On a phone too, the search continues on the server. The buttons for the previous and the
        next match are in one line.
        """
        page = self.start("tea", viewport={"width": 390, "height": 800})
        expectTexts(page, ["tea"])
        bar = self.find(page, "green  tea")
        self.assertNoSidewaysScroll(page)
        both = [bar.get_by_role("button", name=f"{each} match") for each in ("Previous", "Next")]
        for width in range(320, 400, 10):
            page.set_viewport_size({"width": width, "height": 800})
            previous, following = (each.bounding_box()["y"] for each in both)
            self.assertEqual(previous, following, width)
        bar.get_by_role("button", name="Search the history on the server").click()
        self.assertEqual(self.server.await_("history")["text"], "green tea")
        expect(page.get_by_role("dialog", name="Messages with “green tea”")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(bar).to_be_visible()
