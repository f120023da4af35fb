"""
Browser tests of the page: rooms that move to a new epoch, and messages of unknown outcome.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, expectTexts, say, waitFor
from tests.page.test_safety import Server

LOST = "Some messages were lost: the server no longer has them."


class FakeServerTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def visit(self, **joined: object) -> tuple[Any, Server]:
        """
        @return: a page in one room, with a clock that the test runs, and the fake server
        """
        page = self.blank()
        page.clock.install()
        server = Server(page, **joined)
        self.joinDev(page)
        return page, server

    def reconnect(self, page: Any, server: Server, **joined: object) -> dict[str, Any]:
        """
        Close the connection, and answer the next join with these fields.

        @return: the command that joined the room again
        """
        server._joined.update(joined)
        server.heard.clear()
        server.socket.close(code=1001)
        page.clock.run_for(2_000)
        return server.await_("join")


class EpochTests(FakeServerTests):
    def test_lost(self) -> None:
        """
        If the server has lost messages, the page shows that, and new messages with the same
        numbers; it joins again with the new position.
        """
        page, server = self.visit()
        for seq, text in enumerate(("one", "two", "lost"), 1):
            server.message(seq, "Ada", text)
        server.tell(type="moved", room="dev", epoch="f", seq=2, lost=True)
        server.message(3, "Ada", "three")
        expectTexts(page, ["one", "two", "lost", "three"])
        shown = page.locator(".item").all_inner_texts()
        self.assertIn(LOST, shown[3])
        self.assertIn("three", shown[4])
        expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
        join = self.reconnect(page, server, epoch="f", seq=3)
        self.assertEqual(join["since"], {"epoch": "f", "seq": 3})

    def test_nothingLost(self) -> None:
        """
        A new epoch without lost messages is not visible; messages that were missed are loaded.
        """
        page, server = self.visit()
        server.message(1, "Ada", "one")
        server.tell(type="moved", room="dev", epoch="f", seq=1, lost=False)
        server.message(2, "Ada", "two")
        expectTexts(page, ["one", "two"])
        self.assertEqual([each["type"] for each in server.heard if "v" not in each], ["join"])
        server.tell(type="moved", room="dev", epoch="g", seq=4, lost=False)
        asked = server.await_("history")
        missed = [
            {"room": "dev", "seq": seq, "from": "Ada", "text": text, "at": 1_760_000_000_000 + seq}
            for seq, text in enumerate(("one", "two", "three", "four"), 1)
        ]
        server.tell(type="history", room="dev", epoch="g", seq=4, messages=missed, id=asked["id"])
        expectTexts(page, ["one", "two", "three", "four"])
        expect(page.locator(".divider.gap, .notice")).to_have_count(0)

    def test_restartedWithoutLoss(self) -> None:
        """
        A restart that lost nothing is not visible, although the epoch is new. Older messages can
        still be loaded.
        """
        page, server = self.visit(seq=4)
        for seq in (3, 4):
            server.message(seq, "Ada", str(seq))
        expectTexts(page, ["3", "4"])
        join = self.reconnect(page, server, epoch="f", seq=5)
        self.assertEqual(join["since"], {"epoch": "e", "seq": 4})
        server.message(5, "Ada", "5", replay=True)
        expectTexts(page, ["3", "4", "5"])
        page.get_by_role("button", name="Load older messages").click()
        self.assertEqual(server.await_("history")["before"], 3)
        join = self.reconnect(page, server)
        self.assertEqual(join["since"], {"epoch": "f", "seq": 5})

    def test_restartedWithLoss(self) -> None:
        """
        After a restart that lost the last messages, those that the server still has are not shown
        twice.
        """
        page, server = self.visit()
        for seq, text in enumerate(("one", "two", "lost"), 1):
            server.message(seq, "Ada", text)
        expectTexts(page, ["one", "two", "lost"])
        self.reconnect(page, server, epoch="f", seq=3, recovered=False)
        asked = server.await_("history")
        events = [
            {"room": "dev", "seq": seq, "from": "Ada", "text": text, "at": 1_760_000_000_000 + seq}
            for seq, text in enumerate(("one", "two", "three"), 1)
        ]
        server.tell(type="history", room="dev", epoch="f", seq=3, messages=events, id=asked["id"])
        expectTexts(page, ["one", "two", "lost", "three"])
        expect(page.locator(".divider.gap")).to_contain_text("Messages may be missing here")


class OutcomeTests(FakeServerTests):
    def says(self, server: Server) -> list[Any]:
        """
        @return: the ids of the messages that were sent
        """
        return [each["id"] for each in server.heard if each.get("type") == "say"]

    def test_unknown(self) -> None:
        """
        A message whose outcome the server does not know is sent again with the same id, until the
        server knows it.
        """
        page, server = self.visit()
        say(page, "once")
        id = server.await_("say")["id"]
        for count in (1, 2, 3):
            server.tell(type="error", id=id, code="unknown", text="the store does not answer")
            waitFor(page, "() => document.querySelector('.pending')")
            page.clock.run_for(2 ** (count - 1) * 1_000 + 100)
            for _ in range(100):
                if len(self.says(server)) > count:
                    break
                page.wait_for_timeout(10)
            self.assertEqual(self.says(server), [id] * (count + 1))
        expect(page.locator(".fate")).to_have_count(0)
        server.message(1, "Mina", "once")
        server.tell(type="ack", id=id, room="dev", seq=1, duplicate=True)
        expect(page.locator(".pending")).to_have_count(0)
        expectTexts(page, ["once"])

    def test_staysUnknown(self) -> None:
        """
        If the outcome stays unknown, the page says so, and offers to send the message again.
        """
        page, server = self.visit()
        say(page, "perhaps")
        id = server.await_("say")["id"]
        page.clock.run_for(99_900)
        server.tell(type="error", id=id, code="unknown", text="the store does not answer")
        expect(page.locator(".fate")).to_contain_text("Perhaps sent: the message may have been")
        page.get_by_role("button", name="Send again").click()
        expect(page.locator(".fate")).to_have_count(0)
        expectTexts(page, ["perhaps"])

    def test_failed(self) -> None:
        """
        A message that was not stored is shown as not sent, and can be sent again.
        """
        page, server = self.visit()
        say(page, "no")
        id = server.await_("say")["id"]
        server.tell(type="error", id=id, code="failed", text="the message could not be kept")
        expect(page.locator(".fate")).to_contain_text("Not sent: the message could not be kept")
        page.clock.run_for(60_000)
        self.assertEqual(self.says(server), [id])
        page.get_by_role("button", name="Send again").click()
        expect(page.locator(".fate")).to_have_count(0)
        for _ in range(100):
            if len(self.says(server)) > 1:
                break
            page.wait_for_timeout(10)
        self.assertEqual(len(set(self.says(server))), 2)
