"""
Browser tests of the page: members, rooms, and many messages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser import (
    PageTestCase,
    expect,
    expectTexts,
    offerPassword,
    say,
    signIn,
    texts,
    waitFor,
)

#: The maximum number of messages that have elements, see C{machat/page/messagelist.js}.
WINDOW = 160

#: Returns the first visible message, and its position.
PLACE = """() => {
    const log = document.querySelector(".room:not([hidden]) .log");
    const top = log.getBoundingClientRect().top;
    for (const each of log.querySelectorAll(".text")) {
        const place = each.getBoundingClientRect();
        if (place.bottom > top) return [each.textContent, Math.round(place.top - top)];
    }
}"""

#: Scrolls up until a given message is the first; few messages have elements meanwhile, and they
#: stay in order.
TO_THE_FIRST = """(first) => {
    const log = document.querySelector(".log");
    const shown = [...log.querySelectorAll(".text")].map((each) => each.textContent);
    const old = shown.filter((each) => each.startsWith("message"));
    const numbers = old.map((each) => Number(each.slice("message".length)));
    if (shown.length > 160) throw new Error(`${shown.length} elements`);
    if (numbers.some((number, index) => number !== numbers[0] + index))
        throw new Error(`out of order: ${numbers}`);
    log.scrollTo(0, 0);
    return shown[0] === first;
}"""


def scrollTo(page: Any, top: int) -> None:
    """
    Scroll the visible messages.
    """
    page.locator(".room:not([hidden]) .log").evaluate("(log, top) => log.scrollTo(0, top)", top)


class TalkTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def test_everybody(self) -> None:
        """
        Two pages and a TCP client share a room, and see the same messages in the same order.
        """
        mina, ada, eve = self.enter("Mina"), self.enter("Ada"), self.tcpClient("Eve")
        say(mina, "hello from a page")
        expectTexts(ada, ["hello from a page"])
        say(ada, "hello from another")
        self.assertEqual(eve.await_("message")["from"], "Mina")
        self.assertEqual(eve.await_("message")["from"], "Ada")
        eve.send(type="say", text="hello from a socket")
        for page in (mina, ada):
            expectTexts(page, ["hello from a page", "hello from another", "hello from a socket"])
            expect(page.locator(".sender")).to_have_text(["Mina", "Ada", "Eve"])
            expect(page.locator(".pending")).to_have_count(0)
            expect(page.locator("#connection")).to_have_text("Online")
        expect(mina.locator(".names li")).to_have_text(["Ada", "Eve", "Mina (you)"])
        expect(mina.get_by_role("button", name="3 here")).to_be_visible()

    def test_pending(self) -> None:
        """
        An own message is shown at once, and is marked as being sent until it is stored; if it
        definitely failed, it can be sent again.
        """
        way = self.way()
        mina = self.enter("Mina", way.port)
        self.server.kill()
        expect(mina.locator("#connection")).to_have_text("Offline")
        say(mina, "into the dark")
        expect(mina.locator(".pending .text")).to_have_text("into the dark")
        self.serveOn()
        way.lead(self.ws)
        expect(mina.locator(".pending")).to_have_count(0)
        expectTexts(mina, ["into the dark"])

    def test_lines(self) -> None:
        """
        Shift+Enter begins another line of the message; too many lines are not accepted, and stay in
        the field.
        """
        mina = self.enter("Mina")
        field = mina.get_by_label("Message to dev")
        field.press_sequentially("one")
        field.press("Shift+Enter")
        field.press_sequentially("two")
        field.press("Enter")
        expectTexts(mina, ["one\ntwo"])
        say(mina, "\n".join(map(str, range(101))))
        expect(mina.get_by_text("At most 100 lines")).to_be_visible()
        self.assertEqual(field.input_value().count("\n"), 100)

    def test_rooms(self) -> None:
        """
        Another room opens another tab, which counts unread messages; leaving the last room returns
        to the start form.
        """
        mina, eve = self.enter("Mina"), self.tcpClient("Eve")
        mina.get_by_role("button", name="Join a room").click()
        mina.get_by_role("dialog").get_by_label("Room").fill("tea/time")
        mina.keyboard.press("Enter")
        expect(mina.get_by_role("tab", selected=True)).to_have_text("tea/time")
        expect(mina.get_by_label("Message to tea/time")).to_be_focused()
        for text in ("one", "two"):
            eve.send(type="say", text=text)
        expect(mina.get_by_role("tab", name="dev 2 unread messages")).to_be_visible()
        expect(mina).to_have_title("(2) tea/time – MaChat")
        self.assertTrue(mina.url.endswith("/#tea%2Ftime"))
        mina.get_by_role("tab", name="dev").click()
        expectTexts(mina, ["one", "two"])
        expect(mina.locator(".divider.fresh")).to_have_text("New messages")
        expect(mina).to_have_title("dev – MaChat")
        for _ in range(2):
            mina.get_by_role("button", name="Leave").click()
        expect(mina.get_by_label("Your name")).to_have_value("Mina")

    def test_refused(self) -> None:
        """
        A name that is taken or invalid is reported at its field, and another one can be tried.
        """
        self.tcpClient("Eve")
        page = self.open()
        signIn(page, "eve")
        expect(page.get_by_text("is already in dev")).to_be_visible()
        expect(page.get_by_label("Your name")).to_have_attribute("aria-invalid", "true")
        signIn(page, "a:b")
        expect(page.get_by_text("letters, marks, digits")).to_be_visible()
        signIn(page, "Mina")
        expect(page.get_by_role("tab")).to_have_text(["dev"])

    def test_kept(self) -> None:
        """
        The browser stores the name permanently, and the rooms as long as the tab is open and the
        user is in them; nothing else is stored.
        """
        mina = self.enter("Mina")
        kept = mina.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie]")
        tab = '{"name":"Mina","rooms":["dev"],"unsent":{},"drafts":{}}'
        self.assertEqual(kept, [{"machat.name": "Mina"}, {"machat.tab": tab}, ""])
        mina.get_by_role("button", name="Leave").click()
        self.assertEqual(mina.evaluate("sessionStorage.length"), 0)
        mina.reload()
        expect(mina.get_by_label("Your name")).to_have_value("Mina")
        expect(mina.get_by_role("textbox", name="Room")).to_have_value("lobby")

    def test_twoChats(self) -> None:
        """
        Two chats on one host share only the settings: each has its own name and rooms.
        """
        way = self.way(lambda data: data.replace(b"GET /chat/", b"GET /"))
        page = self.enter("Mina", way.port)
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Theme").select_option("Dark")
        here, there = (f"http://127.0.0.1:{way.port}{path}" for path in ("/", "/chat/"))
        page.goto(there)
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(page.get_by_label("Your name")).to_have_value("")
        signIn(page, "Ada")
        expect(page.get_by_role("tab")).to_have_text(["lobby"])
        for address, name, room in ((here, "Mina", "dev"), (there, "Ada", "lobby")):
            page.goto(address)
            expect(page.locator("#me")).to_have_text(name)
            expect(page.get_by_role("tab")).to_have_text([room])
            other = page.context.new_page()
            other.goto(address)
            expect(other.get_by_label("Your name")).to_have_value(name)

    def test_history(self) -> None:
        """
        A new member sees the last messages, and loads older ones by scrolling up, without a jump.
        """
        eve = self.tcpClient("Eve")
        for number in range(200):
            eve.send(type="say", text=f"message {number}", id=str(number))
            eve.await_("ack")
        mina = self.enter("Mina")
        expect(mina.locator(".text").last).to_have_text("message 199")
        expect(mina.locator(".text").first).to_have_text("message 150")
        expect(mina.locator(".divider.fresh")).to_have_count(0)
        scrollTo(mina, 200)
        place = mina.evaluate(PLACE)
        expect(mina.locator(".text").first).not_to_have_text("message 150")
        self.assertEqual(mina.evaluate(PLACE), place)
        waitFor(mina, TO_THE_FIRST, "message 0")


class UserTests(PageTestCase):
    def test_oneUser(self) -> None:
        """
        A server that requires a password receives it; a user on two devices is one member, and
        both devices show the messages from either, once.
        """
        passwords = Path(self.mktemp())
        passwords.write_text("Mina:secret\n")
        self.serveOn("--auth", f"file:{passwords}")
        desk, phone = self.open(), self.open()
        for page in (desk, phone):
            signIn(page, "Mina")
            offerPassword(page, "wrong")
            expect(page.locator(".wrong").first).to_contain_text("Wrong name, password or token")
            offerPassword(page, "secret")
            expect(page.get_by_role("tab")).to_have_text(["dev"])
        expect(phone.locator(".names li")).to_have_text(["Mina (you)"])
        for number in range(3):
            say(desk, f"desk {number}")
            say(phone, f"phone {number}")
        for page in (desk, phone):
            expect(page.locator(".message:not(.pending) .text")).to_have_count(6)
            expect(page.locator(".pending")).to_have_count(0)
        self.assertEqual(texts(desk), texts(phone))
        self.assertEqual(len(set(texts(desk))), 6)


class ManyTests(PageTestCase):
    def test_many(self) -> None:
        """
        Of 5,000 messages few have elements; a user who reads old messages keeps the position while
        new ones arrive, and can go to the end and to the first message.
        """
        self.serveOn()
        mina, eve = self.enter("Mina"), self.tcpClient("Eve")
        for number in range(5_000):
            eve.send(type="say", text=f"message {number}")
        expect(mina.locator(".text").last).to_have_text("message 4999")
        self.assertLessEqual(mina.locator(".text").count(), WINDOW)
        self.assertLess(mina.evaluate("document.querySelectorAll('*').length"), 10 * WINDOW)
        self._stays(mina, eve)
        mina.get_by_role("button", name="3 new messages").click()
        expect(mina.locator(".text").last).to_have_text("new 2")
        expect(mina.locator(".down")).to_be_hidden()
        waitFor(mina, TO_THE_FIRST, "message 0")

    def _stays(self, mina: Any, eve: Any) -> None:
        scrollTo(mina, 500)
        expect(mina.locator(".down")).to_be_visible()
        mina.evaluate("() => new Promise(requestAnimationFrame)")
        place = mina.evaluate(PLACE)
        for number in range(3):
            eve.send(type="say", text=f"new {number}")
        expect(mina.locator(".down")).to_contain_text("3 new messages")
        self.assertEqual(mina.evaluate(PLACE), place)

    def test_long(self) -> None:
        """
        A very long message is folded until the user opens it, and can wrap at any character.
        """
        self.serveOn()
        mina = self.enter("Mina", viewport={"width": 320, "height": 600})
        say(mina, "x" * 30_000)
        expect(mina.locator(".pending")).to_have_count(0)
        self.assertLess(len(texts(mina)[0]), 2_000)
        mina.get_by_role("button", name="Show all 30,000 characters").click()
        waitFor(mina, "() => document.querySelector('.text').textContent.length > 30_000")
        self.assertNoSidewaysScroll(mina)
        mina.get_by_role("button", name="Show less").click()
        waitFor(mina, "() => document.querySelector('.text').textContent.length < 2_000")

    def test_tooLong(self) -> None:
        """
        A message that the server would not accept is not sent, shows the reason, and can be
        removed.
        """
        self.serveOn()
        mina = self.enter("Mina")
        say(mina, "\N{SNOWMAN}" * 30_000)
        expect(mina.get_by_text("Not sent: the message is too long")).to_be_visible()
        mina.get_by_role("button", name="Remove").click()
        expectTexts(mina, [])
        say(mina, "short")
        expect(mina.locator(".message:not(.pending) .text")).to_have_text("short")
