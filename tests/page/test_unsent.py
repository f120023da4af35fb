"""
Browser tests of the page: messages that are not known to be stored, across a reload.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, expectTexts, say, waitFor
from tests.page.test_safety import Server

#: Makes the stored messages 200 seconds older.
AGE = """
const stored = JSON.parse(sessionStorage.getItem("machat.tab") ?? "null");
for (const each of Object.values(stored?.unsent ?? {}).flat()) each.sent -= 200_000;
if (stored) sessionStorage.setItem("machat.tab", JSON.stringify(stored));
"""

#: Returns whether the time is stored at which a message was sent.
STORED = """() => Object.values(JSON.parse(sessionStorage.getItem("machat.tab")).unsent)
    .flat().some(({ sent }) => sent > 0)"""


class UnsentTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.page = self.blank()
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.server = Server(self.page)
        self.joinDev(self.page)

    def sent(self) -> dict[str, Any]:
        """
        @return: the next message that the server receives
        """
        command: dict[str, Any] = self.server.take("say")
        return command

    def refuse(self, text: str) -> None:
        """
        Send a message that the server refuses.
        """
        say(self.page, text)
        error = {"code": "muted", "text": "you are muted"}
        self.server.tell(type="error", id=self.sent()["id"], **error)
        expect(self.failed(text[:100])).to_contain_text("Not sent: you are muted")

    def failed(self, text: str) -> Any:
        """
        @return: the element of a message that was not sent
        """
        return self.page.locator(".pending", has_text=text)

    def reload(self, warned: bool = False) -> None:
        """
        Reload the page, and wait until the room is joined again.

        @param warned: whether the browser warns of unsent messages
        """
        self.page.reload()
        if warned:
            self.problems.remove("beforeunload")
        expect(self.page.get_by_role("button", name="1 here")).to_be_visible()

    def test_refused(self) -> None:
        """
        Refused messages are still there after a reload. They can be sent again, edited and
        removed.
        """
        for text in ("one", "two", "three"):
            self.refuse(text)
        self.page.get_by_label("Message to dev").fill("a draft")
        self.reload()
        expectTexts(self.page, ["one", "two", "three"])
        expect(self.page.get_by_text("Not sent: you are muted")).to_have_count(3)
        expect(self.page.get_by_label("Message to dev")).to_have_value("a draft")
        self.failed("one").get_by_role("button", name="Send again").click()
        again = self.sent()
        self.assertEqual(again["text"], "one")
        self.server.message(1, "Mina", "one")
        self.server.tell(type="ack", id=again["id"], room="dev", seq=1, duplicate=False)
        expectTexts(self.page, ["one", "two", "three"])
        self.failed("two").get_by_role("button", name="Remove").click()
        self.failed("three").get_by_role("button", name="Edit").click()
        expect(self.page.get_by_label("Message to dev")).to_have_value("three\na draft")
        self.reload()
        expect(self.page.get_by_label("Message to dev")).to_have_value("three\na draft")
        expect(self.page.locator(".pending")).to_have_count(0)

    def test_unacknowledged(self) -> None:
        """
        A message without an acknowledgement is sent again after a reload, with the same id, so that
        the server does not store it twice.
        """
        say(self.page, "one")
        first = self.sent()
        self.reload(warned=True)
        self.assertEqual(self.sent(), first)
        expect(self.page.locator(".pending .text")).to_have_text("one")
        self.server.message(1, "Mina", "one")
        self.server.tell(type="ack", id=first["id"], room="dev", seq=1, duplicate=True)
        expect(self.page.locator(".pending")).to_have_count(0)
        expectTexts(self.page, ["one"])
        self.reload()
        self.assertNotIn("say", [each.get("type") for each in self.server.heard])

    def test_old(self) -> None:
        """
        A message that was sent too long ago is not sent again, because the server may not know its
        id any more.
        """
        say(self.page, "one")
        self.sent()
        self.page.add_init_script(AGE)
        self.reload(warned=True)
        expect(self.failed("one")).to_contain_text("Perhaps sent")
        self.assertNotIn("say", [each.get("type") for each in self.server.heard])

    def test_bounded(self) -> None:
        """
        The stored messages have at most 200,000 characters.
        """
        for letter in "abcde":
            self.refuse(letter * 45_000)
        self.reload()
        expect(self.page.locator(".pending")).to_have_count(4)

    def test_crash(self) -> None:
        """
        The messages are stored before the page is unloaded, because it may end without that. The
        time at which a message was typed then stands for the time at which it was sent.
        """
        self.server.hold()
        self.page.reload()
        say(self.page, "one")
        waitFor(self.page, STORED)
