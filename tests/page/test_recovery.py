"""
Browser tests of the page: lost connections and recovery.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser import (
    PageTestCase,
    Sockets,
    expect,
    expectTexts,
    joinRoom,
    lookAgain,
    pause,
    say,
    texts,
    waitFor,
)
from tests.page.test_page import TO_THE_FIRST


class RecoveryTests(PageTestCase):
    def assertState(self, page: Any, state: str) -> None:
        """
        Wait until the connection has this state.
        """
        expect(page.locator("#connection")).to_have_text(state)

    def test_restarted(self) -> None:
        """
        After a server restart all users are connected again, see where messages may be missing,
        and can post.
        """
        self.serveOn()
        way = self.way()
        mina, ada = self.enter("Mina", way.port), self.enter("Ada", way.port)
        eve = self.tcpClient("Eve")
        eve.send(type="say", text="before")
        for page in (mina, ada):
            expectTexts(page, ["before"])
        self.server.terminate()
        self.assertEqual(self.server.wait(), 0)
        for page in (mina, ada):
            self.assertState(page, "Offline")
            expect(page.locator("#bar")).to_contain_text("Your messages are kept")
        say(mina, "said meanwhile")
        self.serveOn()
        way.lead(self.ws)
        for page in (mina, ada):
            self.assertState(page, "Online")
            expect(page.locator("#bar")).to_be_hidden()
            expect(page.locator(".divider.gap")).to_contain_text("Messages may be missing here")
        expectTexts(ada, ["before", "said meanwhile"])
        eve = self.tcpClient("Eve")
        eve.send(type="say", text="after")
        say(ada, "me too")
        for page in (mina, ada):
            expectTexts(page, ["before", "said meanwhile", "after", "me too"])
            expect(page.locator(".pending")).to_have_count(0)

    def test_killedWithoutLoss(self) -> None:
        """
        If the store survives a server that is killed, no gap is shown, and older messages can be
        loaded from their beginning.
        """
        file = Path(self.mktemp()).absolute()
        options = ("--store", f"sqlite:{file}", "--rate", "off")
        self.serveOn(*options)
        eve = self.tcpClient("Eve")
        for number in range(120):
            eve.send(type="say", text=f"message {number}", id=str(number))
            eve.await_("ack")
        way = self.way()
        mina = self.enter("Mina", way.port)
        expect(mina.locator(".text").last).to_have_text("message 119")
        self.server.kill()
        self.assertState(mina, "Offline")
        self.serveOn(*options)
        way.lead(self.ws)
        lookAgain(mina)
        self.assertState(mina, "Online")
        say(mina, "message 120")
        expect(mina.locator(".message:not(.pending) .text").last).to_have_text("message 120")
        expect(mina.locator(".divider.gap, .notice")).to_have_count(0)
        waitFor(mina, TO_THE_FIRST, "message 0")
        expect(mina.locator(".divider.begin")).to_be_in_viewport()

    def test_cut(self) -> None:
        """
        However often the connection is interrupted during a conversation, no message is lost and
        none is shown twice.
        """
        self.serveOn()
        way = self.way()
        mina, eve = self.enter("Mina", way.port), self.tcpClient("Eve")
        wanted: list[str] = []
        for cut in range(4):
            for number in range(5):
                wanted += [f"page {cut} {number}", f"socket {cut} {number}"]
                eve.send(type="say", text=wanted[-1])
                say(mina, wanted[-2])
                if number == cut:
                    way.cut()
            lookAgain(mina)
        expect(mina.locator(".text")).to_have_count(len(wanted))
        expect(mina.locator(".pending")).to_have_count(0)
        heard = [eve.await_("message")["text"] for _ in wanted]
        self.assertEqual(sorted(heard), sorted(wanted))
        self.assertEqual(texts(mina), heard)
        expect(mina.locator(".divider.gap")).to_have_count(0)
        mine = [text for text in heard if text.startswith("page")]
        self.assertEqual(mine, [text for text in wanted if text.startswith("page")])

    def test_unacknowledged(self) -> None:
        """
        A message that is stored, but whose acknowledgement was lost, is sent again and not
        posted twice.
        """
        self.serveOn()
        way = self.way()
        mina, eve = self.enter("Mina", way.port), self.tcpClient("Eve")
        way.deafen()
        say(mina, "did you hear?")
        self.assertEqual(eve.await_("message")["text"], "did you hear?")
        expect(mina.locator(".pending .text")).to_have_text("did you hear?")
        way.cut()
        expect(mina.locator(".message:not(.pending) .text")).to_have_text("did you hear?")
        waitFor(mina, "() => !document.querySelector('.pending')")
        eve.send(type="say", text="yes")
        expectTexts(mina, ["did you hear?", "yes"])
        self.assertEqual(eve.await_("message")["text"], "yes")

    def test_silence(self) -> None:
        """
        A server that sends no more data is detected, and the page takes over its own name from the
        connection that the server still holds.
        """
        self.serveOn()
        way = self.way()
        page = self.blank()
        page.clock.install()
        sockets = Sockets(page)
        page.goto(f"http://127.0.0.1:{way.port}/#dev")
        page.get_by_label("Your name").fill("Mina")
        page.keyboard.press("Enter")
        self.assertState(page, "Online")
        pause(page)
        way.deafen()
        way.forget()
        say(page, "is anybody there?")
        page.clock.run_for(40_000)
        page.clock.resume()
        expect(page.locator(".message:not(.pending) .text")).to_have_text("is anybody there?")
        self.assertState(page, "Online")
        self.assertEqual(sockets.opened, 2)

    def test_gap(self) -> None:
        """
        If missed messages are no longer stored, a divider shows their number, and the
        remaining messages follow it.
        """
        self.serveOn("--log-messages", "5")
        way = self.way()
        mina, eve = self.enter("Mina", way.port), self.tcpClient("Eve")
        eve.send(type="say", text="before")
        expectTexts(mina, ["before"])
        way.block()
        self.assertState(mina, "Offline")
        for number in range(20):
            eve.send(type="say", text=f"meanwhile {number}", id=str(number))
            eve.await_("ack")
        way.mend()
        lookAgain(mina)
        expect(mina.locator(".divider.gap")).to_have_text("15 messages could not be recovered")
        expectTexts(mina, ["before", *[f"meanwhile {number}" for number in range(15, 20)]])
        say(mina, "after")
        expect(mina.locator(".message:not(.pending) .text").last).to_have_text("after")

    def test_recoveredUnread(self) -> None:
        """
        Messages that were missed in a background room are counted when the connection is restored.
        """
        self.serveOn()
        way = self.way()
        mina, eve = self.enter("Mina", way.port), self.tcpClient("Eve")
        joinRoom(mina, "tea")
        way.block()
        eve.send(type="say", text="one", id="1")
        eve.await_("ack")
        way.mend()
        expect(mina.get_by_role("tab", name="dev 1 unread message")).to_be_visible()
