"""
Browser tests of the page: the settings, the themes, and the languages.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, say
from tests.page.test_safety import Server

#: The background of the page in each theme.
COLOURS = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 29)"}

#: Records the theme at each painted frame.
RECORD = """
globalThis.themes = new Set();
const look = () => {
    themes.add(document.documentElement?.dataset.theme);
    requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def choose(page: Any, label: str, choice: str) -> None:
    """
    Change a setting.
    """
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("dialog").get_by_label(label).select_option(choice)
    page.keyboard.press("Escape")


class SettingsTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def expectTheme(self, page: Any, theme: str) -> None:
        """
        Wait until a page has a theme.
        """
        expect(page.locator("body")).to_have_css("background-color", COLOURS[theme])

    def test_signOut(self) -> None:
        """
        The settings show the user's name, and sign out. The user can then join with another name.
        """
        eve, page = self.tcpClient("Eve"), self.enter("Mina")
        page.get_by_role("button", name="Settings").click()
        expect(page.get_by_role("dialog").get_by_text("Mina", exact=True)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        self.assertEqual(eve.await_("presence")["joined"], ["Mina"])
        self.assertEqual(eve.await_("presence")["left"], ["Mina"])
        page.get_by_label("Your name").fill("Minna")
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_label("Message to dev")).to_be_focused()
        expect(page.locator("#me")).to_have_text("Minna")

    def test_theme(self) -> None:
        """
        The theme is that of the system, until the user chooses one. The choice survives a reload,
        after which no frame has another theme.
        """
        page = self.enter("Mina", color_scheme="dark")
        self.expectTheme(page, "dark")
        page.emulate_media(color_scheme="light")
        self.expectTheme(page, "light")
        choose(page, "Theme", "Dark")
        self.expectTheme(page, "dark")
        page.add_init_script(RECORD)
        page.reload()
        expect(page.get_by_role("tab")).to_have_text("dev")
        self.expectTheme(page, "dark")
        self.assertEqual(page.evaluate("[...themes]"), ["dark"])
        other = page.context.new_page()
        other.goto(page.url)
        choose(page, "Theme", "Light")
        for each in (page, other):
            self.expectTheme(each, "light")

    def test_forcedColours(self) -> None:
        """
        With forced colours, the selected room has an outline.
        """
        page = self.enter("Mina", forced_colors="active")
        expect(page.locator("#connection")).to_have_text("Online")
        outline = page.get_by_role("tab").evaluate("(tab) => getComputedStyle(tab).outlineStyle")
        self.assertEqual(outline, "solid")

    def test_invalid(self) -> None:
        """
        Settings that are invalid have no effect.
        """
        page = self.open()
        for stored in ("null", "{", '{"theme": 7, "language": "xx"}', "[]"):
            page.evaluate("(stored) => localStorage.setItem('machat.settings', stored)", stored)
            page.reload()
            expect(page.get_by_label("Your name")).to_be_visible()
            self.expectTheme(page, "light")


class GermanTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def test_german(self) -> None:
        """
        A page in a German browser is in German, with the right plural forms, dates and numbers.
        """
        page = self.blank(locale="de-DE", timezone_id="UTC")
        server = Server(page, members=["Mina"], count=1234)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        self.assertEqual(page.evaluate("document.documentElement.lang"), "de")
        page.get_by_label("Dein Name").fill("Mina")
        page.get_by_role("button", name="Beitreten").click()
        expect(page.locator("#connection")).to_have_text("Verbunden")
        expect(page.get_by_placeholder("Nachricht an dev")).to_be_focused()
        expect(page.get_by_role("button", name="1.234 hier")).to_be_visible()
        server.message(1, "Ada", "x" * 1201)
        expect(page.get_by_role("button", name="Alle 1.201 Zeichen zeigen")).to_be_visible()
        expect(page.locator(".divider.day")).to_have_text("Donnerstag, 9. Oktober")
        page.get_by_placeholder("Nachricht an dev").fill("/kik Bob")
        page.keyboard.press("Enter")
        expect(page.locator(".note")).to_contain_text("Es gibt keinen Befehl /kik.")
        page.get_by_placeholder("Nachricht an dev").fill("hallo")
        page.keyboard.press("Enter")
        said = server.await_("say")
        text = "you are muted until 2099-03-01 18:30:00 UTC"
        server.tell(type="error", id=said["id"], code="muted", text=text)
        expect(page.locator(".fate")).to_contain_text(
            "Nicht gesendet: Du bist stummgeschaltet (01.03.2099, 18:30)"
        )

    def test_phone(self) -> None:
        """
        On a phone, the button for new messages has its text in one line, as the button that sends.
        """
        page = self.blank(locale="de-DE", viewport={"width": 320, "height": 568})
        server = Server(page)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        page.get_by_label("Dein Name").fill("Mina")
        page.get_by_role("button", name="Beitreten").click()
        expect(page.get_by_role("tab")).to_have_count(1)
        for seq in range(1, 61):
            server.message(seq, "Ada", f"line {seq}")
        expect(page.locator(".text").last).to_have_text("line 60")
        page.locator(".log").evaluate("(log) => log.scrollTo(0, 0)")
        expect(page.get_by_role("button", name="Zu den neuesten")).to_be_visible()
        for seq in range(61, 73):
            server.message(seq, "Ada", f"line {seq}")
        names = ("12 neue Nachrichten", "Senden")
        shown = [page.get_by_role("button", name=name).bounding_box() for name in names]
        self.assertLess(shown[0]["height"], shown[1]["height"])

    def test_plural(self) -> None:
        """
        One unread message and several have different texts.
        """
        page = self.blank(locale="de-DE")
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        page.get_by_label("Dein Name").fill("Mina")
        page.get_by_role("button", name="Beitreten").click()
        page.get_by_role("button", name="Raum betreten").click()
        page.get_by_role("dialog").get_by_label("Raum").fill("tea")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tab", selected=True)).to_have_text("tea")
        eve = self.tcpClient("Eve")
        for unread in ("1 ungelesene Nachricht", "2 ungelesene Nachrichten"):
            eve.send(type="say", text="hello")
            expect(page.get_by_role("tab", name=f"dev {unread}", exact=True)).to_be_visible()

    def test_choice(self) -> None:
        """
        The user can choose another language than the browser's. The rooms and the typed text
        survive the change.
        """
        page = self.enter("Mina", locale="fr-FR")
        say(page, "hello")
        page.get_by_label("Message to dev").fill("a draft")
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Language").select_option("Deutsch")
        expect(page.get_by_label("Nachricht an dev")).to_have_value("a draft")
        expect(page.get_by_role("tab")).to_have_text("dev")
        page.get_by_role("button", name="Einstellungen").click()
        expect(page.get_by_label("Sprache")).to_have_value("de")
        page.get_by_label("Sprache").select_option("Wie das System")
        expect(page.get_by_label("Message to dev")).to_have_value("a draft")
