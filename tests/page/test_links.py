"""
Browser tests of the page: links to messages.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, joinRoom, say, signIn

#: Records what is copied.
CLIPBOARD = """Object.defineProperty(navigator, "clipboard", { value: {
    writeText: async (text) => { globalThis.copied = text; },
} });"""


class LinkTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn("--rate", "off", "--log-messages", "1000")

    def fill(self) -> Any:
        """
        @return: a member of C{dev}, who has sent 250 messages
        """
        eve = self.tcpClient("Eve")
        for number in range(1, 251):
            eve.send(type="say", text=f"line {number}.", id=str(number))
        while eve.await_("ack")["id"] != "250":
            pass
        return eve

    def expectShown(self, page: Any, text: str) -> None:
        """
        Wait until a message is visible and has the focus.
        """
        message = page.locator(".message", has_text=text)
        expect(message).to_be_focused()
        expect(message).to_be_in_viewport()

    def menu(self, page: Any, text: str) -> None:
        """
        Open the menu of a message.
        """
        page.locator(".message", has_text=text).get_by_role("button", name="Actions").focus()
        page.keyboard.press("Enter")

    def test_copied(self) -> None:
        """
        The menu of a message copies a link, which another user opens: the page loads the message,
        scrolls to it, and stays there.
        """
        self.fill()
        mina = self.enter("Mina")
        mina.evaluate(CLIPBOARD)
        say(mina, "/search 7. line")
        mina.get_by_role("dialog").locator("li", has_text="line 7.").click()
        self.expectShown(mina, "line 7.")
        self.menu(mina, "line 7.")
        mina.get_by_role("menuitem", name="Copy link").click()
        expect(mina.get_by_text("The link was copied.")).to_be_visible()
        link = mina.evaluate("copied")
        self.assertEqual(link, f"http://127.0.0.1:{self.ws}/#dev:7")
        ada = self.blank()
        ada.goto(link)
        expect(ada.locator("#signin").get_by_label("Room")).to_have_value("dev")
        signIn(ada, "Ada")
        self.expectShown(ada, "line 7.")
        expect(ada.get_by_role("button", name="To the latest")).to_be_visible()
        self.assertEqual(ada.url, f"http://127.0.0.1:{self.ws}/#dev")

    def test_withoutClipboard(self) -> None:
        """
        If the browser denies access to the clipboard, as it does without TLS, the link is shown.
        """
        page = self.enter("Mina")
        say(page, "hello")
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        self.menu(page, "hello")
        page.get_by_role("menuitem", name="Copy link").click()
        expect(page.locator(".note")).to_have_text(f"http://127.0.0.1:{self.ws}/#dev:1")

    def test_inMessages(self) -> None:
        """
        A link in a message opens in the same page, in rooms that are joined and in others. After a
        reload, the message in the address is shown too.
        """
        self.fill().send(
            type="say", text=f"see http://127.0.0.1:{self.ws}/#dev:9 or http://a.example"
        )
        page = self.enter("Mina")
        link = page.locator(".text a", has_text="#dev:9")
        link.click()
        self.expectShown(page, "line 9.")
        self.assertEqual(len(page.context.pages), 1)
        joinRoom(page, "tea")
        page.get_by_role("tab", name="dev").click()
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("tab")).to_have_text(["tea"])
        page.goto(f"http://127.0.0.1:{self.ws}/#dev:8")
        expect(page.get_by_role("tab", selected=True)).to_have_text("dev")
        self.expectShown(page, "line 8.")
        page.goto("about:blank")
        page.goto(f"http://127.0.0.1:{self.ws}/#dev:10")
        self.expectShown(page, "line 10.")

    def test_gone(self) -> None:
        """
        A message that is not stored is reported. The room is joined nevertheless.
        """
        page = self.open(room="dev:12")
        signIn(page, "Mina")
        expect(page.get_by_role("tab")).to_have_text(["dev"])
        expect(page.locator(".note")).to_have_text("The message is no longer stored.")
