"""
Browser tests of the page: older messages.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PATIENT, PageTestCase, expect, say, signIn, waitFor
from tests.page.test_page import scrollTo
from tests.page.test_reading import DESK, PHONE
from tests.page.test_safety import Server

BEGIN = "The stored history begins here"

#: Returns the first message that is wholly visible, and its distance from the top, pixels.
PLACE = """() => {
    const log = document.querySelector(".log");
    const top = log.getBoundingClientRect().top;
    const places = [...log.querySelectorAll(".text")].map((each) =>
        [each.textContent, each.getBoundingClientRect().top - top]);
    return places.find(([, place]) => place >= 8);
}"""

#: Returns whether each shown message is followed by the one with the next number.
IN_ORDER = """() => {
    const shown = [...document.querySelectorAll(".text")].map((each) => each.textContent);
    const numbers = shown.map((text) => Number(text.match(/\\d+/)[0]));
    return numbers.every((number, index) => number === numbers[0] + index);
}"""


class LogServer(Server):
    """
    A server whose room has messages, and which answers C{history}.

    @ivar first: the number of the oldest stored message
    @ivar last: the number of the newest one
    """

    def __init__(self, page: Any, first: int, last: int, size: int = 0) -> None:
        super().__init__(page, seq=last)
        self.first, self.last, self.size = first, last, size

    def event(self, seq: int) -> dict[str, Any]:
        """
        @return: the message with this number
        """
        text = f"message {seq} {'x' * self.size}".strip()
        at = 1_760_000_000_000 + seq * 400_000
        sender = ("Ada", "Grace")[seq % 2]
        return {
            "type": "message",
            "room": "dev",
            "seq": seq,
            "from": sender,
            "text": text,
            "at": at,
        }

    def say(self) -> None:
        """
        Send a new message.
        """
        self.last += 1
        self.tell(**self.event(self.last))

    def refuse(self, code: str, text: str) -> None:
        """
        Refuse the command that is held.
        """
        (command,) = self.held
        self.held.clear()
        self.tell(type="error", code=code, text=text, id=command["id"])

    def asked(self) -> int:
        """
        @return: the number of requests
        """
        return sum(command.get("type") == "history" for command in self.heard)

    def _history(self, command: dict[str, Any]) -> None:
        limit = command.get("limit", 300)
        if "after" in command:
            start = max(self.first, command["after"] + 1)
            numbers = range(start, min(start + limit, self.last + 1))
        else:
            end = min(command.get("before", self.last + 1), self.last + 1)
            numbers = range(max(self.first, end - limit), end)
        messages = [self.event(number) for number in numbers]
        place = {"room": "dev", "epoch": "e", "seq": self.last}
        self.tell(type="history", **place, messages=messages, id=command["id"])

    def _answer(self, command: dict[str, Any]) -> None:
        self._joined["seq"] = self.last
        super()._answer(command)
        if command.get("type") == "join":
            start = self.last - command.get("history", 0)
            if "since" in command:
                start = command["since"]["seq"]
            for number in range(max(self.first, start + 1), self.last + 1):
                self.tell(**self.event(number), replay=True)
        elif command.get("type") == "history":
            self._history(command)


class OlderTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def visit(
        self, viewport: dict[str, int], first: int = 1, last: int = 400, size: int = 0
    ) -> tuple[Any, LogServer]:
        """
        @return: a page in one room, which shows the last messages, and its server
        """
        page = self.blank(viewport=viewport)
        server = LogServer(page, first, last, size)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        expect(page.locator(".text").last).to_contain_text(f"message {last}")
        return page, server

    def awaitRequest(self, page: Any, server: LogServer, count: int) -> None:
        """
        Wait until this number of requests was made.
        """
        for _ in range(int(PATIENT) // 10):
            if server.asked() >= count:
                break
            page.wait_for_timeout(10)
        self.assertEqual(server.asked(), count)

    def holdAt(self, page: Any, server: LogServer, top: int) -> None:
        """
        Scroll up, and wait until the page has requested older messages. The server holds the answer
        back.

        @param top: the new distance from the first message that is loaded, pixels
        """
        server.hold("history")
        scrollTo(page, top)
        self.awaitRequest(page, server, 1)

    def assertPlace(self, page: Any, place: list[Any]) -> None:
        """
        Fail if the text at the top of the visible part has moved.
        """
        self.settle(page)
        text, top = page.evaluate(PLACE)
        self.assertEqual(text, place[0])
        self.assertLess(abs(top - place[1]), 1, place)

    def settle(self, page: Any) -> None:
        """
        Wait until the page has rendered twice.
        """
        page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def test_readingPlace(self) -> None:
        """
        At both widths, the line that a user reads does not move by a pixel while older messages are
        loading and when they arrive, even if new messages arrive in between. Nothing is shown twice
        or out of order.
        """
        for viewport in (PHONE, DESK):
            page, server = self.visit(viewport)
            self.holdAt(page, server, 150)
            place = page.evaluate(PLACE)
            expect(page.get_by_role("button", name="Loading older messages")).to_be_attached()
            expect(page.get_by_role("status").filter(has_text="older")).to_have_text(
                "Loading older messages\N{HORIZONTAL ELLIPSIS}"
            )
            for _ in range(3):
                server.say()
            expect(page.locator(".down")).to_have_text("3 new messages")
            self.assertPlace(page, place)
            server.release()
            expect(page.get_by_role("status").filter(has_text="older")).to_have_text(
                "100 older messages loaded. "
            )
            self.assertPlace(page, place)
            self.assertTrue(page.evaluate(IN_ORDER))
            self.assertNoSidewaysScroll(page)

    def test_toTheBeginning(self) -> None:
        """
        Scrolling up loads all stored messages. A line shows where they begin; then nothing more is
        requested.
        """
        for viewport, first in ((PHONE, 1), (DESK, 120)):
            page, server = self.visit(viewport, first)
            log = page.get_by_role("log")
            for _ in range(200):
                if page.locator(".begin").count():
                    break
                log.evaluate("(log) => log.scrollTo(0, 0)")
                self.settle(page)
                self.assertLessEqual(page.locator(".text").count(), 160)
            log.evaluate("(log) => log.scrollTo(0, 0)")
            expect(page.get_by_text(BEGIN, exact=True).first).to_be_in_viewport()
            expect(page.locator(".text").first).to_have_text(f"message {first}")
            self.assertTrue(page.evaluate(IN_ORDER))
            asked = server.asked()
            scrollTo(page, 50)
            scrollTo(page, 0)
            self.settle(page)
            self.assertEqual(server.asked(), asked)

    def test_bounded(self) -> None:
        """
        If the messages of a room do not all fit into the page's memory, those at the other end are
        removed and loaded again when the user scrolls back. None is missing or shown twice, and the
        line that is being read stays.
        """
        for viewport in (PHONE, DESK):
            page, server = self.visit(viewport, first=151, size=60_000)
            self.holdAt(page, server, 500)
            place = page.evaluate(PLACE)
            server.release()
            expect(page.get_by_role("status").filter(has_text="older")).to_contain_text("100 older")
            self.assertPlace(page, place)
            server.say()
            expect(page.locator(".down")).to_have_text("1 new message")
            self.assertPlace(page, place)
            self.toTheEnd(page, "message 401 x")
            self.assertTrue([each for each in server.heard if "after" in each])
            expect(page.locator(".down")).to_be_hidden()
            server.say()
            expect(page.locator(".text").last).to_contain_text("message 402 x")
            expect(page.locator(".text").last).to_be_in_viewport()

    def toTheEnd(self, page: Any, last: str) -> None:
        """
        Scroll down step by step until this message is visible.
        """
        log = page.get_by_role("log")
        for _ in range(300):
            log.evaluate("(log) => log.scrollBy(0, log.clientHeight)")
            self.settle(page)
            self.assertTrue(page.evaluate(IN_ORDER))
            self.assertLessEqual(page.locator(".text").count(), 160)
            if page.get_by_text(last).count():
                break
        log.evaluate("(log) => log.scrollTo(0, log.scrollHeight)")
        expect(page.get_by_text(last)).to_be_in_viewport()

    def test_backToTheLatest(self) -> None:
        """
        The button for the latest messages, the End key and a message of the user's own lead to the
        end, even if the latest messages had been removed.
        """
        page, server = self.visit(DESK, first=151, size=60_000)
        log = page.get_by_role("log")
        for number, back in enumerate(
            (
                lambda: page.locator(".down").click(),
                lambda: log.press("End"),
                lambda: say(page, "here I am"),
            )
        ):
            scrollTo(page, 500)
            expect(page.get_by_role("status").filter(has_text="older")).to_contain_text("100 older")
            waitFor(page, "() => document.querySelector('.down').checkVisibility()")
            for _ in range(50):
                scrollTo(page, 0)
                self.settle(page)
            back()
            shown = page.locator(".text").last
            expect(shown).to_contain_text("here I am" if number == 2 else "message 400 x")
            expect(shown).to_be_in_viewport()
            expect(page.locator(".down")).to_be_hidden()
            self.settle(page)

    def test_keyboard(self) -> None:
        """
        The keyboard scrolls, and loads older messages with the button above the first message. The
        focus stays in the list.
        """
        page, server = self.visit(DESK, last=60)
        server.hold("history")
        log = page.get_by_role("log")
        log.focus()
        page.keyboard.press("Home")
        self.awaitRequest(page, server, 1)
        server.refuse("failed", "the store does not answer")
        again = page.get_by_role("button", name="Try again")
        page.keyboard.press("Tab")
        expect(again).to_be_focused()
        page.keyboard.press("Enter")
        self.awaitRequest(page, server, 2)
        expect(page.get_by_role("button", name="Loading older")).to_be_focused()
        server.release()
        expect(page.get_by_text("message 1", exact=True)).to_be_attached()
        expect(log).to_be_focused()

    def test_failure(self) -> None:
        """
        The page shows why older messages could not be loaded, and requests them again only if the
        user asks for it.
        """
        for viewport in (PHONE, DESK):
            page, server = self.visit(viewport)
            self.holdAt(page, server, 0)
            server.refuse("failed", "the store does not answer")
            expect(page.locator(".loader.older")).to_contain_text(
                "Not loaded: the store does not answer."
            )
            expect(page.locator(".loader.older")).to_be_in_viewport(ratio=0.9)
            text = "Older messages could not be loaded: the store does not answer."
            expect(page.get_by_role("status").filter(has_text="Older")).to_have_text(text)
            scrollTo(page, 30)
            scrollTo(page, 0)
            self.settle(page)
            self.assertEqual(server.asked(), 1)
            self.assertNoSidewaysScroll(page)
            server.release()
            page.get_by_role("button", name="Try again").click()
            expect(page.get_by_text("message 300", exact=True)).to_be_attached()
            self.assertTrue(page.evaluate(IN_ORDER))

    def test_disconnected(self) -> None:
        """
        If the connection is lost before the answer, the page shows that, and loads the messages
        when it is back. The reading position stays.
        """
        page, server = self.visit(DESK)
        self.holdAt(page, server, 100)
        place = page.evaluate(PLACE)
        server.held.clear()
        server.release()
        server.last += 2
        server.socket.close(code=1001)
        expect(page.get_by_text("message 300", exact=True)).to_be_attached()
        expect(page.locator("#connection")).to_have_text("Online")
        self.assertPlace(page, place)
        self.assertTrue(page.evaluate(IN_ORDER))
        page.locator(".down").click()
        expect(page.get_by_text("message 402", exact=True)).to_be_in_viewport()
        self.assertTrue(page.evaluate(IN_ORDER))

    def test_noAnswer(self) -> None:
        """
        A server that does not answer is reported after thirty seconds, and a late answer has no
        effect.
        """
        page = self.blank(viewport=DESK)
        page.clock.install()
        server = LogServer(page, 1, 400)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        expect(page.locator(".text").last).to_have_text("message 400")
        self.holdAt(page, server, 100)
        page.clock.run_for(31_000)
        expect(page.locator(".loader.older")).to_contain_text("the server does not answer")
        server.release()
        server.say()
        expect(page.locator(".down")).to_have_text("1 new message")
        expect(page.locator(".text").first).to_have_text("message 351")

    def test_shortRoom(self) -> None:
        """
        A room whose messages fit on the screen offers its older messages; a new room offers none.
        """
        page, server = self.visit(DESK, first=1, last=1)
        expect(page.locator(".begin")).to_be_visible()
        server.tell(type="moved", room="dev", epoch="e", seq=1, lost=False)
        page, server = self.visit(DESK, first=95, last=400)
        self.assertEqual(server.asked(), 0)
        expect(page.get_by_role("button", name="Load older messages")).to_be_attached()
        waitFor(page, "() => document.querySelector('.log').scrollTop > 0")
