"""
Browser tests of the page: mentions, and what reaches a user who does not look at the page.
"""

from __future__ import annotations

from typing import Any

from tests.browser import HIDE, PageTestCase, expect, expectTexts, waitFor
from tests.page.test_safety import Server

#: Records notifications and sounds. Hides and shows the page.
STUB = (
    HIDE
    + """
globalThis.shown = [];
globalThis.asked = 0;
globalThis.tones = 0;
class Shown extends EventTarget {
    static permission = "default";
    static requestPermission() {
        asked++;
        Shown.permission = globalThis.answer ?? "granted";
        return Promise.resolve(Shown.permission);
    }
    constructor(title, options) {
        super();
        shown.push(Object.assign(this, { title, ...options }));
    }
    close() {
        this.closed = true;
    }
}
globalThis.Notification = Shown;
OscillatorNode.prototype.start = () => { tones++; };
OscillatorNode.prototype.stop = () => {};
"""
)

#: Texts, and the mentions of Straße in them.
MENTIONS: list[tuple[str, list[str]]] = [
    ("hello @Stra\u00dfe", ["@Stra\u00dfe"]),
    ("@STRASSE, @strasse. (@Stra\u00dfe)", ["@STRASSE", "@strasse", "@Stra\u00dfe"]),
    ("@\uff33tra\u00dfe's turn", ["@\uff33tra\u00dfe"]),
    ("@Stra\u00dfen Stra\u00dfe x@Stra\u00dfe @@Stra\u00dfe @ Stra\u00dfe", []),
    ("https://example.org/@Stra\u00dfe", []),
    ("<b>@Stra\u00dfe</b>", ["@Stra\u00dfe"]),
]


class MentionTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def visit(self, name: str = "Mina", **joined: object) -> tuple[Any, Server]:
        """
        @return: a page that has joined C{dev}, and what replaces its server
        """
        page = self.blank()
        page.add_init_script(STUB)
        server = Server(page, **joined)
        self.joinDev(page, name)
        return page, server

    def test_highlighted(self) -> None:
        """
        A mention of the user's name is highlighted if it is a whole word, however the name is
        written.
        """
        page, server = self.visit("Stra\u00dfe")
        for seq, (text, _) in enumerate(MENTIONS, 1):
            server.message(seq, "Ada", text)
        expect(page.locator(".text")).to_have_count(len(MENTIONS))
        for shown, (text, found) in zip(page.locator(".text").all(), MENTIONS, strict=True):
            expect(shown).to_have_text(text)
            expect(shown.locator("mark")).to_have_text(found)

    def test_counted(self) -> None:
        """
        Mentions are counted separately, in the tab of the room and in the title, until the user
        looks at the room. The icon shows whether there are any.
        """
        page, server = self.visit()
        icon = page.locator("link[rel=icon]")
        page.evaluate("hide(true)")
        server.message(1, "Ada", "hello")
        expect(icon).to_have_attribute("href", "icon-unread.svg")
        server.message(2, "Ada", "@mina?")
        server.message(3, "Ada", "@Mina!")
        expect(page.get_by_role("tab")).to_have_accessible_name("dev 2 mentions 3 unread messages")
        expect(page.locator(".count")).to_have_text(["@2", "3"])
        expect(page).to_have_title("(@2, 3) dev \u2013 MaChat")
        expect(icon).to_have_attribute("href", "icon-mention.svg")
        page.evaluate("hide(false)")
        expect(icon).to_have_attribute("href", "icon.svg")
        expect(page).to_have_title("dev \u2013 MaChat")
        expect(page.locator(".count")).to_have_count(0)

    def test_completed(self) -> None:
        """
        Tab completes a name after an at sign, and then offers the other names. Elsewhere it moves
        the focus.
        """
        page, _ = self.visit(members=["Mina", "Ada", "Adam", "\u00c9va"], count=4)
        field = page.get_by_label("Message to dev")
        field.press_sequentially("hello @ad")
        for name in ("Ada", "Adam", "Ada"):
            field.press("Tab")
            expect(field).to_have_value(f"hello @{name} ")
        field.press_sequentially("and @\u00e9")
        field.press("Tab")
        expect(field).to_have_value("hello @Ada and @\u00c9va ")
        field.press_sequentially("@min")
        field.press("Tab")
        expect(page.get_by_role("button", name="Insert an emoji")).to_be_focused()
        expect(field).to_have_value("hello @Ada and @\u00c9va @min")

    def test_notified(self) -> None:
        """
        While the page is hidden, mentions cause a sound by default, and a notification after the
        user has permitted it. A click on it selects the room.
        """
        page, server = self.visit()
        self.assertEqual(page.evaluate("asked"), 0)
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Notifications").select_option("For mentions")
        waitFor(page, "() => asked === 1")
        page.get_by_role("button", name="Close").click()
        server.message(1, "Ada", "@Mina not hidden")
        expectTexts(page, ["@Mina not hidden"])
        self.assertEqual(page.evaluate("[shown.length, tones]"), [0, 0])
        page.evaluate("hide(true)")
        server.message(2, "Ada", "no mention")
        server.message(3, "Ada", "@Mina hidden")
        waitFor(page, "() => shown.length > 0")
        shown = page.evaluate("shown.map(({ title, body }) => [title, body])")
        self.assertEqual(shown, [["Ada in dev", "@Mina hidden"]])
        self.assertEqual(page.evaluate("tones"), 1)
        page.get_by_role("textbox").evaluate("(field) => field.blur()")
        page.evaluate("shown[0].dispatchEvent(new Event('click'))")
        expect(page.get_by_label("Message to dev")).to_be_focused()

    def test_denied(self) -> None:
        """
        If the user does not permit notifications, the setting stays off and the reason is shown.
        Notifications and the sound are chosen separately.
        """
        page, server = self.visit()
        page.evaluate("() => (globalThis.answer = 'denied')")
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Notifications").select_option("For all messages")
        expect(page.get_by_text("The browser blocks notifications.")).to_be_visible()
        expect(page.get_by_label("Notifications")).to_have_value("off")
        page.get_by_label("Sound").select_option("For all messages")
        page.get_by_role("button", name="Close").click()
        page.evaluate("hide(true)")
        server.message(1, "Ada", "hello")
        waitFor(page, "() => tones === 1")
        self.assertEqual(page.evaluate("shown.length"), 0)
