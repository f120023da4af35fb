"""
Browser tests of the page: readable content, including on a phone, and the reading position.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.browser import IN_FIREFOX, PageTestCase, expect, expectTexts, joinRoom, say, waitFor
from tests.page.test_page import PLACE, scrollTo
from tests.page.test_safety import Server

PHONE = {"width": 390, "height": 780}
TABLET = {"width": 768, "height": 900}
DESK = {"width": 1280, "height": 800}

#: Returns whether a whole name can be seen and touched: it is in the window, on one line, and
#: nothing covers either of its ends.
READABLE = """(name) => {
    const names = [...document.querySelectorAll(".room:not([hidden]) .names bdi")];
    const element = names.find((each) => each.textContent === name);
    if (element === undefined) return false;
    const range = document.createRange();
    range.selectNodeContents(element);
    const { left, right, top, bottom, width } = range.getBoundingClientRect();
    const seen = (x) => {
        const found = document.elementFromPoint(x, (top + bottom) / 2);
        return found !== null && (element.contains(found) || found.contains(element));
    };
    return width > 10 && left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight
        && bottom - top < 40 && seen(left + 1) && seen(right - 1);
}"""


class ReadingTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn("--rate", "off")

    def fill(self, person: Any, count: int, word: str = "message") -> None:
        """
        Post many messages from one member.
        """
        for number in range(count):
            person.send(type="say", text=f"{word} {number}", id=f"{word}{number}")
            person.await_("ack")


class MembersTests(ReadingTests):
    def test_namesCanBeRead(self) -> None:
        """
        At every width the names of the members can be read; a list over the messages closes with a
        tap beside it, which has no other effect.
        """
        for name in ("Ada", "Margaret.Hamilton"):
            self.tcpClient(name)
        for viewport in (PHONE, TABLET, DESK):
            page = self.enter(f"Mina{viewport['width']}", viewport=viewport, has_touch=True)
            if viewport is not DESK:
                page.get_by_role("button", name="here", exact=False).click()
            for name in ("Ada", "Margaret.Hamilton"):
                waitFor(page, READABLE, name)
            if viewport is not DESK:
                self._closes(page)

    def test_filter(self) -> None:
        """
        A long list of members has a field that finds those with a part of a name, in any case.
        """
        names = ["Ada", *[f"user{number}" for number in range(17)], "Margaret.Hamilton"]
        page = self.blank(viewport=PHONE)
        server = Server(page, members=["Mina", *names], count=120)
        self.joinDev(page)
        page.get_by_role("button", name="120 here").click()
        members = page.get_by_role("complementary", name="Members")
        field = members.get_by_role("textbox", name="Find a member")
        shown = members.get_by_role("listitem")
        expect(members.get_by_role("status")).to_have_text("and 100 more")
        expect(shown).to_have_count(20)
        field.press_sequentially("HAM")
        expect(shown).to_have_text(["Margaret.Hamilton"])
        expect(members.get_by_role("status")).to_have_text("1 found")
        waitFor(page, READABLE, "Margaret.Hamilton")
        self.assertNoSidewaysScroll(page)
        server.tell(type="presence", room="dev", count=121, joined=["Shamir"])
        expect(shown).to_have_text(["Margaret.Hamilton", "Shamir"])
        field.fill("nobody")
        expect(members.get_by_role("status")).to_have_text("0 found")
        expect(shown).to_have_count(0)
        field.press("Escape")
        expect(members).to_be_hidden()
        page.get_by_role("button", name="121 here").click()
        expect(field).to_have_value("")
        expect(shown).to_have_count(21)
        server.tell(type="presence", room="dev", count=110, left=["Ada", "user1"])
        expect(field).to_be_hidden()

    def _closes(self, page: Any) -> None:
        page.get_by_label("Message to dev").evaluate("(field) => field.blur()")
        left, bottom = page.get_by_label("Message to dev").evaluate(
            "(field) => { const r = field.getBoundingClientRect(); return [r.left, r.bottom]; }"
        )
        tap = page.mouse.click if IN_FIREFOX else page.touchscreen.tap
        tap(left + 15, bottom - 5)
        expect(page.get_by_role("complementary")).to_be_hidden()
        expect(page.get_by_label("Message to dev")).not_to_be_focused()
        page.get_by_role("button", name="here", exact=False).click()
        expect(page.get_by_role("complementary")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("complementary")).to_be_hidden()


class PlaceTests(ReadingTests):
    def test_eachRoomKeepsItsPlace(self) -> None:
        """
        A user who reads old messages finds the same position after a visit to another room; at the
        end, the list stays at the end, and reports no new messages.
        """
        eve = self.tcpClient("Eve")
        self.fill(eve, 60)
        mina = self.enter("Mina")
        expect(mina.locator(".text").last).to_have_text("message 59")
        joinRoom(mina, "tea")
        mina.get_by_role("tab", name="dev").click()
        scrollTo(mina, 200)
        mina.evaluate("() => new Promise(requestAnimationFrame)")
        place = mina.evaluate(PLACE)
        mina.get_by_role("tab", name="tea").click()
        mina.get_by_role("tab", name="dev").click()
        text, top = mina.evaluate(PLACE)
        self.assertEqual(text, place[0])
        self.assertLessEqual(abs(top - place[1]), 1)  # a browser scrolls by whole pixels
        expect(mina.locator(".room:not([hidden]) .down")).to_have_text("To the latest")
        mina.locator(".room:not([hidden]) .down").click()
        expect(mina.locator(".room:not([hidden]) .text").last).to_be_in_viewport()
        expect(mina.locator(".room:not([hidden]) .down")).to_be_hidden()
        mina.get_by_role("tab", name="tea").click()
        mina.get_by_role("tab", name="dev").click()
        expect(mina.locator(".room:not([hidden]) .text").last).to_be_in_viewport()
        expect(mina.locator(".room:not([hidden]) .down")).to_be_hidden()

    def test_opensAtTheNewLine(self) -> None:
        """
        A room with more unread messages than fit opens at the first of them; the button shows
        their number, goes to the end, and disappears. A room with few opens at its end.
        """
        eve = self.tcpClient("Eve")
        self.fill(eve, 20, "old")
        mina = self.enter("Mina")
        expect(mina.locator(".text").last).to_have_text("old 19")
        joinRoom(mina, "tea")
        self.fill(eve, 60)
        mina.get_by_role("tab", name="dev 60 unread messages").click()
        room = mina.locator(".room:not([hidden])")
        expect(room.locator(".divider.fresh")).to_be_in_viewport()
        expect(room.get_by_text("message 0", exact=True)).to_be_in_viewport()
        expect(room.get_by_text("old 19", exact=True)).to_be_attached()
        room.get_by_role("button", name="60 new messages").click()
        expect(room.get_by_text("message 59", exact=True)).to_be_in_viewport()
        expect(room.locator(".down")).to_be_hidden()
        mina.get_by_role("tab", name="tea").click()
        self.fill(eve, 2, "few")
        mina.get_by_role("tab", name="dev 2 unread messages").click()
        expect(room.locator(".divider.fresh")).to_be_in_viewport()
        expect(room.get_by_text("few 1", exact=True)).to_be_in_viewport()
        expect(room.locator(".down")).to_be_hidden()

    def test_newLineAfterTheWindowWasHidden(self) -> None:
        """
        A user who returns to the window sees the first message that arrived meanwhile.
        """
        eve = self.tcpClient("Eve")
        mina = self.enter("Mina")
        self.pretend(mina, "hidden")
        self.fill(eve, 60)
        expect(mina).to_have_title("(60) dev \N{EN DASH} MaChat")
        self.pretend(mina, "visible")
        expect(mina).to_have_title("dev \N{EN DASH} MaChat")
        expect(mina.locator(".divider.fresh")).to_be_in_viewport()
        expect(mina.get_by_text("message 0", exact=True)).to_be_in_viewport()
        expect(mina.get_by_role("button", name="60 new messages")).to_be_visible()

    def pretend(self, page: Any, visibility: str) -> None:
        """
        Make the page believe that its window is visible, or hidden.
        """
        page.evaluate(
            """(visibility) => {
                Object.defineProperty(document, "visibilityState",
                    { value: visibility, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            visibility,
        )

    def test_theButtonLeadsToTheNewLineFirst(self) -> None:
        """
        While a user reads old messages in a room, the button goes to the first unread message,
        then to the end.
        """
        eve = self.tcpClient("Eve")
        self.fill(eve, 50, "old")
        mina = self.enter("Mina")
        expect(mina.locator(".text").last).to_have_text("old 49")
        scrollTo(mina, 100)
        expect(mina.locator(".down")).to_be_visible()
        joinRoom(mina, "tea")
        self.fill(eve, 60)
        mina.get_by_role("tab", name="dev 60 unread").click()
        room = mina.locator(".room:not([hidden])")
        for text in ("message 0", "message 59"):
            room.get_by_role("button", name="60 new messages").click()
            expect(room.get_by_text(text, exact=True)).to_be_in_viewport()
        expect(room.locator(".down")).to_be_hidden()


class RoomsTests(ReadingTests):
    def test_unreadOutOfSight(self) -> None:
        """
        Unread rooms outside the visible part of the room list are counted at that end of the list,
        and can be reached from there.
        """
        for viewport in (DESK, PHONE):
            page = self.enter(f"Mina{viewport['width']}", viewport=viewport)
            for number in range(29):
                joinRoom(page, f"room{number}")
            page.get_by_role("tab", name="dev").click()
            eve = self.tcpClient(f"Eve{viewport['width']}", "room27")
            eve.send(type="say", room="room27", text="anybody?")
            hint = page.get_by_role("button", name="Show 1 more unread room")
            expect(page.get_by_role("tab", name="room27 1 unread message")).not_to_be_in_viewport()
            hint.click()
            expect(page.get_by_role("tab", name="room27 1 unread message")).to_be_in_viewport()
            expect(hint).to_be_hidden()
            self.assertNoSidewaysScroll(page)
            eve.close()

    def test_focusAfterAClick(self) -> None:
        """
        After a click on a tab, the keyboard writes into that room's field; a tap opens no
        on-screen keyboard, but keeps the focus in the room.
        """
        cases = [(False, "Message to dev"), (True, "Messages in dev")]
        for touch, focused in cases[:1] if IN_FIREFOX else cases:  # which has no mobile mode
            page = self.enter(f"Mina{touch}", has_touch=touch, is_mobile=touch, viewport=TABLET)
            joinRoom(page, "tea")
            page.get_by_role("tab", name="dev").click()
            label = page.evaluate("document.activeElement.getAttribute('aria-label')")
            self.assertEqual(label, focused)

    def test_changedAddress(self) -> None:
        """
        The address opens the named room, joined or not; an invalid name has no effect.
        """
        page = self.enter("Mina")
        joinRoom(page, "tea")
        for room in ("dev", "news"):
            page.evaluate("(room) => (location.hash = room)", room)
            expect(page.get_by_role("tab", selected=True)).to_have_text(room)
        page.evaluate("() => (location.hash = 'a b')")
        expect(page.get_by_role("dialog").get_by_text("letters, marks, digits")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("tab")).to_have_text(["dev", "tea", "news"])
        expect(page).to_have_url(re.compile("/#news$"))


class LooksTests(ReadingTests):
    def visit(self, viewport: dict[str, int], **joined: object) -> tuple[Any, Server]:
        """
        @return: a page in one room, and the fake server that answers it
        """
        page = self.blank(viewport=viewport)
        server = Server(page, **joined)
        self.joinDev(page)
        return page, server

    def test_topicCanBeRead(self) -> None:
        """
        A topic that does not fit can be expanded at every width, and its links can be followed.
        One that fits has no button.
        """
        end = "and please ask Ada first"
        topic = f"Notes at https://example.org/releases/2.5, {'bugs to support, ' * 12}{end}"
        for viewport in (PHONE, TABLET, DESK):
            page, server = self.visit(viewport, topic=topic)
            more = page.get_by_role("button", name="Show the whole topic")
            more.click()
            height = page.locator(".topic").evaluate("(topic) => topic.clientHeight")
            inside = page.locator(".topic").evaluate(
                "(topic) => topic.scrollHeight <= topic.clientHeight + 1"
            )
            self.assertTrue(inside, (viewport, height))
            expect(page.locator(".topic")).to_be_in_viewport(ratio=1)
            expect(
                page.get_by_role("link", name="https://example.org/releases/2.5")
            ).to_be_visible()
            self.assertNoSidewaysScroll(page)
            page.get_by_role("button", name="Show less of the topic").click()
            expect(more).to_be_visible()
            server.tell(type="room", room="dev", topic="short")
            expect(page.locator(".topic")).to_have_text("short")
            expect(more).to_be_hidden()

    def test_marks(self) -> None:
        """
        Names with many combining marks, which another server may allow, do not cover their
        surroundings.
        """
        name = "Z" + "".join(map(chr, range(0x300, 0x31F)))
        page, server = self.visit(DESK, members=["Mina", name], count=2)
        server.message(1, name, "hello")
        for shown in (page.locator(".sender"), page.locator(".names bdi").last):
            self.assertEqual(shown.evaluate("(name) => getComputedStyle(name).overflow"), "clip")

    def test_copied(self) -> None:
        """
        Copied messages contain only the messages, without text that is only for screen readers or
        only visual.
        """
        if IN_FIREFOX:
            raise SkipTest("playwright cannot read the clipboard in Firefox")
        page, server = self.visit(DESK)
        page.context.grant_permissions(["clipboard-read"])
        for seq, text in enumerate(("one", "two https://b\u00fccher.example", "three"), 1):
            server.message(seq, "Ada", text)
        expectTexts(
            page, ["one", "two https://b\u00fccher.example [xn--bcher-kva.example]", "three"]
        )
        page.evaluate(
            """() => {
                const all = [...document.querySelectorAll(".text")];
                getSelection().setBaseAndExtent(all[0], 0, all[2], 1);
            }"""
        )
        page.keyboard.press("Control+C")
        copied = page.evaluate("navigator.clipboard.readText()")
        lines = [line for line in copied.splitlines() if line]
        self.assertEqual(lines, ["one", "two https://b\u00fccher.example", "three"])

    def test_localTimes(self) -> None:
        """
        The end of a mute is shown in the reader's time zone.
        """
        page = self.blank(timezone_id="Asia/Kolkata")
        server = Server(page)
        self.joinDev(page)
        say(page, "let me speak")
        waitFor(page, "() => document.querySelector('.pending')")
        said = server.await_("say")
        text = "you are muted until 2026-03-01 18:30:00 UTC"
        server.tell(type="error", id=said["id"], code="muted", text=text)
        expect(page.locator(".fate")).to_contain_text("until 2 Mar 2026, 00:00")
