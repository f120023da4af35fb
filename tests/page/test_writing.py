"""
Browser tests of the page: text that is typed, pasted, composed and corrected.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, expectTexts, joinRoom, say, signIn
from tests.page.test_safety import Server

#: An Enter key event as Safari sends it after the end of a composition, or an ordinary one.
ENTER = """(field, keyCode) => field.dispatchEvent(
    new KeyboardEvent("keydown", { key: "Enter", keyCode, bubbles: true, cancelable: true }))"""


#: The commands that moderators type, and the objects that are sent, without the room and the id.
MODERATION: dict[str, dict[str, Any]] = {
    "/kick Bob": {"type": "kick", "name": "Bob"},
    "/kick Bob  that is enough": {"type": "kick", "name": "Bob", "reason": "that is enough"},
    "/mute Bob": {"type": "mute", "name": "Bob"},
    "/mute Bob 10 spam": {"type": "mute", "name": "Bob", "for": 600, "reason": "spam"},
    "/ban Bob 10x": {"type": "ban", "name": "Bob", "reason": "10x"},
    "/ban Bob 5": {"type": "ban", "name": "Bob", "for": 300},
    "/unmute Bob": {"type": "unmute", "name": "Bob"},
    "/unban Bob": {"type": "unban", "name": "Bob"},
    "/lock a release": {"type": "lock", "reason": "a release"},
    "/unlock": {"type": "unlock"},
    "/topic": {"type": "topic", "text": ""},
    "/topic Release at noon": {"type": "topic", "text": "Release at noon"},
}


class WritingTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def test_composition(self) -> None:
        """
        The Enter that ends a composition sends nothing, whatever the order of the browser's
        events.
        """
        mina = self.enter("Mina")
        field = mina.get_by_label("Message to dev")
        field.fill("\u65e5\u672c")
        field.evaluate(ENTER, 229)
        expect(field).to_have_value("\u65e5\u672c")
        expectTexts(mina, [])
        field.evaluate(ENTER, 13)
        expectTexts(mina, ["\u65e5\u672c"])

    def test_lines(self) -> None:
        """
        A text of several lines is one message, with the blank lines between others, but not those
        at its ends. It is shown with its lines and indentation.
        """
        mina, eve = self.enter("Mina"), self.tcpClient("Eve")
        say(mina, "\n\ndef f():\n    pass\n\n\nf()\n\n")
        expected = "def f():\n    pass\n\n\nf()"
        self.assertEqual(eve.await_("message")["text"], expected)
        shown = mina.locator(".message:not(.pending) .text")
        expect(shown).to_have_count(1)
        self.assertEqual(shown.evaluate("(text) => text.innerText"), expected)

    def test_failedMessageIsEdited(self) -> None:
        """
        A refused message can be returned to the field, before the text in it, and sent with
        changes.
        """
        page = self.blank()
        server = Server(page)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        say(page, "//a path")
        said = server.await_("say")
        self.assertEqual(said["text"], "/a path")
        page.get_by_label("Message to dev").fill("a draft")
        server.tell(type="error", id=said["id"], code="muted", text="not now")
        page.get_by_role("button", name="Edit").click()
        expect(page.get_by_label("Message to dev")).to_have_value("//a path\na draft")
        expect(page.get_by_label("Message to dev")).to_be_focused()
        expect(page.locator(".pending")).to_have_count(0)

    def test_hashBeforeARoom(self) -> None:
        """
        A room may be typed in the form that the tabs show.
        """
        page = self.open()
        page.get_by_role("textbox", name="Room").fill("#dev")
        signIn(page, "Mina")
        expect(page.get_by_role("tab")).to_have_text(["dev"])
        page.get_by_role("button", name="Join a room").click()
        page.get_by_role("dialog").get_by_label("Room").fill("# tea")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tab")).to_have_text(["dev", "tea"])


class DraftTests(PageTestCase):
    def test_kept(self) -> None:
        """
        The text that was typed in each room survives a reload. A chat at another path of the same
        host has other texts and another name.
        """
        self.serveOn()
        page = self.enter("Mina")
        page.get_by_label("Message to dev").fill("a draft for dev")
        joinRoom(page, "tea")
        page.get_by_label("Message to tea").fill("a draft for tea")
        page.reload()
        expect(page.get_by_label("Message to tea")).to_have_value("a draft for tea")
        page.get_by_role("tab", name="dev").click()
        expect(page.get_by_label("Message to dev")).to_have_value("a draft for dev")
        page.route(
            "**/other/*",
            lambda route: route.fulfill(
                response=route.fetch(url=route.request.url.replace("/other/", "/"))
            ),
        )
        page.goto(f"http://127.0.0.1:{self.ws}/other/#dev")
        expect(page.get_by_role("button", name="Join")).to_be_enabled()
        expect(page.get_by_label("Your name")).to_have_value("")
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        expect(page.get_by_label("Message to dev")).to_have_value("a draft for dev")


class SlashTests(PageTestCase):
    def test_moderatorsCommands(self) -> None:
        """
        The commands of moderators are sent like the terminal sends them; a refusal is shown while
        the command is still in the field.
        """
        self.serveOn()
        page = self.blank()
        server = Server(page)
        self.joinDev(page)
        for text, expected in MODERATION.items():
            say(page, text)
            sent = server.take(expected["type"])
            self.assertEqual(sent, {**expected, "room": "dev", "id": sent["id"]}, text)
            server.tell(type="done", id=sent["id"])
        say(page, "/bans")
        asked = server.await_("sanctions")
        ban = {"kind": "ban", "name": "Bob", "until": 1_900_000_000_000, "by": None}
        server.tell(type="sanctions", room="dev", sanctions=[ban], id=asked["id"])
        expect(page.locator(".notice")).to_contain_text("Banned: Bob, until 17 Mar 2030")
        say(page, "/lock")
        locked = server.await_("lock")
        server.tell(type="error", id=locked["id"], code="not-allowed", text="not here")
        expect(page.locator(".note")).to_have_text("Not here.")
        expect(page.get_by_label("Message to dev")).to_have_value("/lock")
        expectTexts(page, [])

    def test_commandsAreNotSaid(self) -> None:
        """
        Text that begins with a slash is a command or an error, and is never sent as a message. Two
        slashes send one.
        """
        self.serveOn()
        mina, eve = self.enter("Mina"), self.tcpClient("Eve")
        field = mina.get_by_label("Message to dev")
        for text, answer in (
            ("/kik Bob", "There is no command /kik."),
            ("/kick", "/kick needs a name."),
            ("/", "There is no command /."),
            ("/constructor", "There is no command /constructor."),
            ("/kick Eve", "You may not moderate that room."),
            ("/kick Eve\nhello", "Send /kick by itself"),
        ):
            say(mina, text)
            expect(mina.locator(".note")).to_contain_text(answer)
            expect(field).to_have_value(text)
        field.fill("")
        for text in ("//etc/hosts", "/etc/hosts\n// a comment"):
            say(mina, text)
        expected = ["/etc/hosts", "/etc/hosts\n// a comment"]
        self.assertEqual([eve.await_("message")["text"] for _ in expected], expected)
        expectTexts(mina, expected)

    def test_everybodysCommands(self) -> None:
        """
        Commands list the members, show help, and join and leave rooms.
        """
        self.serveOn()
        mina = self.enter("Mina")
        self.tcpClient("Eve")
        for text, answer in (("/who", "2 here: Mina, Eve"), ("/help", "/join ROOM")):
            say(mina, text)
            expect(mina.locator(".notice").last).to_contain_text(answer)
        say(mina, "/join #tea")
        expect(mina.get_by_role("tab", selected=True)).to_have_text("tea")
        expect(mina.get_by_label("Message to tea")).to_be_focused()
        say(mina, "/join a:b")
        expect(mina.locator(".room:not([hidden]) .note")).to_contain_text("letters, marks, digits")
        mina.get_by_label("Message to tea").fill("")
        say(mina, "/leave")
        expect(mina.get_by_role("tab")).to_have_text(["dev"])
        say(mina, "/quit")
        expect(mina.get_by_label("Your name")).to_be_visible()
