"""
Browser tests of the page: the read markers of users with accounts.
"""

from __future__ import annotations

from typing import Any

from tests.browser import expect, expectTexts, joinRoom, say, texts
from tests.page.accounts import AccountsTestCase, tab

LOG = ".room:not([hidden]) .log"

#: Whether the list of messages is at its end.
AT_END = """(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2"""


class MarkerTests(AccountsTestCase):
    def two(self) -> Any:
        """
        @return: a page of Mina that is in C{dev} and C{tea}, and shows C{dev}
        """
        mina = self.user("Mina", room="tea")
        joinRoom(mina, "dev")
        return mina

    def line(self, page: Any) -> Any:
        """
        @return: the item with the line before the first new message
        """
        return page.locator(".room:not([hidden]) .item:has(.divider.fresh)")

    def test_reload(self) -> None:
        """
        After a reload, the unread messages are counted, and a line is before the first of them.
        Old messages and one's own are not counted.
        """
        ada = self.raw("Ada", "tea")
        self.said(ada, "before")
        mina = self.two()
        self.said(ada, "one")
        self.said(ada, "two @mina")
        expect(tab(mina, "tea").locator(".count")).to_have_text(["@1", "2"])
        mina.reload()
        expect(tab(mina, "tea").locator(".count")).to_have_text(["@1", "2"])
        expect(tab(mina, "dev").locator(".count")).to_have_count(0)
        expect(mina).to_have_title("(@1, 2) dev – MaChat")
        tab(mina, "tea").click()
        expectTexts(mina, ["before", "one", "two @mina"])
        expect(self.line(mina).locator(".divider.fresh")).to_have_text("New messages")
        expect(self.line(mina).locator(".text")).to_have_text("one")
        say(mina, "three")
        expect(mina.locator(".message:not(.pending) .text")).to_have_count(4)
        self.marked("tea", 4)
        mina.reload()
        expect(tab(mina, "tea")).to_have_count(1)
        expect(mina.locator("#connection")).to_have_text("Online")
        expect(mina.locator(".count")).to_have_count(0)

    def marked(self, room: str, seq: int) -> None:
        """
        Wait until Mina's marker is stored.
        """
        phone = self.raw("Mina", None)
        while True:
            phone.send(type="join", room=room)
            if phone.await_("joined").get("read") == seq:
                return
            phone.send(type="leave", room=room)
            phone.await_("left")

    def test_devices(self) -> None:
        """
        Messages that were read on one device are not unread on the other one. Later ones are.
        """
        ada = self.raw("Ada", "tea")
        desk, phone = self.two(), self.two()
        self.said(ada, "one")
        for page in (desk, phone):
            expect(tab(page, "tea").locator(".count")).to_have_text("1")
        tab(phone, "tea").click()
        expect(tab(desk, "tea").locator(".count")).to_have_count(0)
        expect(desk).to_have_title("dev – MaChat")
        tab(phone, "dev").click()
        self.said(ada, "two")
        for page in (desk, phone):
            expect(tab(page, "tea").locator(".count")).to_have_text("1")
        tab(desk, "tea").click()
        expect(self.line(desk).locator(".text")).to_have_text("two")
        expect(tab(phone, "tea").locator(".count")).to_have_count(0)

    def test_seen(self) -> None:
        """
        The marker is sent only when the end of the messages is visible in a visible page, and once
        for several messages.
        """
        ada, phone = self.raw("Ada", "tea"), self.raw("Mina", "tea")
        mina = self.two()
        for number in range(1, 61):
            self.said(ada, f"message {number}")
        expect(tab(mina, "tea").locator(".count")).to_have_text("60")
        tab(mina, "tea").click()
        expect(self.line(mina).locator(".text")).to_have_text("message 1")
        self.assertFalse(mina.locator(LOG).evaluate(AT_END))
        mina.clock.install()
        mina.clock.run_for(2_000)  # longer than the delay: nothing is sent meanwhile
        mina.evaluate("hide(true)")
        mina.get_by_role("button", name="60 new messages").evaluate("(each) => each.click()")
        mina.locator(LOG).evaluate("(each) => each.scrollTo(0, 1e6)")
        mina.clock.run_for(2_000)
        self.said(ada, "the last one")
        mina.evaluate("hide(false)")
        mina.locator(LOG).evaluate("(each) => each.scrollTo(0, 1e6)")
        self.assertEqual(phone.await_("read")["seq"], 61)

    def test_left(self) -> None:
        """
        The marker is sent before the room is left.
        """
        ada, phone = self.raw("Ada", "tea"), self.raw("Mina", "tea")
        mina = self.two()
        self.said(ada, "one")
        expect(tab(mina, "tea").locator(".count")).to_have_text("1")
        mina.clock.install()
        tab(mina, "tea").click()
        expectTexts(mina, ["one"])
        mina.get_by_role("button", name="Leave").click()
        self.assertEqual(phone.await_("read")["seq"], 1)

    def test_many(self) -> None:
        """
        If more messages are unread than are loaded, the count says so, and the line moves up when
        the older ones are loaded.
        """
        ada = self.raw("Ada", "tea")
        mina = self.two()
        for number in range(1, 81):
            self.said(ada, f"message {number}")
        expect(tab(mina, "tea").locator(".count")).to_have_text("80")
        mina.reload()
        expect(tab(mina, "tea").locator(".count")).to_have_text("50+")
        expect(tab(mina, "tea")).to_contain_text("50 or more unread messages")
        tab(mina, "tea").click()
        mina.locator(LOG).evaluate("(each) => each.scrollTo(0, 0)")
        expect(self.line(mina).locator(".text")).to_have_text("message 1")
        self.assertEqual(texts(mina)[0], "message 1")

    def test_opens(self) -> None:
        """
        A reloaded page opens the room at the first unread message.
        """
        ada = self.raw("Ada")
        mina = self.user("Mina")
        self.said(ada, "seen")
        expectTexts(mina, ["seen"])
        self.marked("dev", 1)
        mina.evaluate("hide(true)")
        for number in range(1, 41):
            self.said(ada, f"message {number}")
        expect(mina).to_have_title("(40) dev – MaChat")
        mina.reload()
        expect(self.line(mina).locator(".text")).to_have_text("message 1")
        expect(self.line(mina)).to_be_in_viewport()
        expect(mina.get_by_role("button", name="40 new messages")).to_be_visible()

    def test_lost(self) -> None:
        """
        A marker that could not be sent is sent after the next join.
        """
        ada, phone = self.raw("Ada", "tea"), self.raw("Mina", "tea")
        way = self.way()
        mina = self.user("Mina", room="tea", port=way.port)
        expect(mina.get_by_role("button", name="2 here")).to_be_visible()
        mina.clock.install()
        self.said(ada, "one")
        expectTexts(mina, ["one"])
        way.block()
        expect(mina.locator("#connection")).to_have_text("Offline")
        mina.clock.run_for(2_000)
        way.mend()
        mina.evaluate("dispatchEvent(new Event('online'))")
        expect(mina.locator("#connection")).to_have_text("Online")
        self.assertEqual(phone.await_("read")["seq"], 1)
