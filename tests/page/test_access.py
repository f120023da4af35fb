"""
Browser tests of the page: keyboard, screen reader, and phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.browser import PageTestCase, expect, offerPassword, say
from tests.page.test_safety import Server

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:
    Axe = None

#: A time in the machine-readable form.
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

#: The width of the narrowest window.
PHONE = {"width": 320, "height": 568}


class AccessTests(PageTestCase):
    def test_keyboard(self) -> None:
        """
        Everything can be done with the keyboard alone, and the focus is visible.
        """
        self.serveOn()
        page = self.open()
        page.keyboard.type("Mina")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Message to dev")).to_be_focused()
        page.keyboard.type("hello https://example.org")
        page.keyboard.press("Enter")
        expect(page.locator(".message:not(.pending)")).to_have_count(1)
        self._joins(page)
        self._walks(page)

    def _joins(self, page: Any) -> None:
        page.get_by_role("button", name="Join a room").focus()
        page.keyboard.press("Enter")
        page.keyboard.type("tea")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Message to tea")).to_be_focused()
        page.get_by_role("tab", name="tea").focus()
        for key, room in (("ArrowUp", "dev"), ("ArrowUp", "tea"), ("Home", "dev"), ("End", "tea")):
            page.keyboard.press(key)
            expect(page.get_by_role("tab", name=room)).to_be_focused()
            expect(page.get_by_role("tabpanel", name=room)).to_be_visible()
        page.keyboard.press("Home")

    def _walks(self, page: Any) -> None:
        page.keyboard.press("Shift+Tab")
        expect(page.get_by_role("link", name="Skip to the message field")).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Message to dev")).to_be_focused()
        page.get_by_role("link", name="Skip").focus()
        walked = list(self._stops(page))
        self.assertEqual(
            walked,
            [
                "dev",
                "Join a room",
                "Settings",
                "Keyboard shortcuts",
                "Search",
                "1 here",
                "Leave",
                "Messages in dev",
                "https://example.org",
                "Actions for the message from Mina",
            ]
            + ["Members", "Message to dev", "Insert an emoji", "Send"],
        )

    def _stops(self, page: Any) -> Iterator[str]:
        """
        @return: the elements that the tab key reaches, each with a focus ring
        """
        for _ in range(14):
            page.keyboard.press("Tab")
            label, ring = page.evaluate(
                """() => {
                    const { activeElement: at } = document;
                    const label = at.getAttribute("aria-label") ?? at.innerText;
                    return [label.trim(), getComputedStyle(at).outlineStyle];
                }"""
            )
            self.assertEqual(ring, "solid", label)
            yield label

    def test_heard(self) -> None:
        """
        A screen reader announces new messages at the end of the log and the connection state, but
        not old messages.
        """
        self.serveOn()
        eve = self.tcpClient("Eve")
        eve.send(type="say", text="old", id="1")
        eve.await_("ack")
        page = self.enter("Mina")
        log = page.get_by_role("log", name="Messages in dev")
        expect(log.locator(".text")).to_have_text("old")
        expect(log).to_have_attribute("aria-live", "off")
        eve.send(type="say", text="new")
        expect(log).to_have_attribute("aria-live", "polite")
        expect(page.get_by_role("status").filter(has_text="Online")).to_be_visible()
        expect(log.locator("time").first).to_have_attribute("datetime", ISO)
        for number in range(60):
            eve.send(type="say", text=f"more {number}")
        expect(page.get_by_text("more 59")).to_be_visible()
        log.evaluate("(log) => log.scrollTo(0, 300)")
        expect(log).to_have_attribute("aria-live", "off")

    def test_phone(self) -> None:
        """
        At the width of a phone nothing is wider than the window, and every control is present.
        """
        self.serveOn()
        page = self.open(viewport=PHONE, has_touch=True)
        self.assertNoSidewaysScroll(page)
        page.get_by_label("Your name").fill("W" * 32)
        page.keyboard.press("Enter")
        for text in ("x" * 500, "https://example.org/" + "y" * 500, "Wort " * 100):
            say(page, text)
        expect(page.locator(".message:not(.pending)")).to_have_count(3)
        for number in range(4):
            page.get_by_role("button", name="Join a room").click()
            page.get_by_role("dialog").get_by_label("Room").fill(f"room{number}" * 8)
            self.assertNoSidewaysScroll(page)
            page.keyboard.press("Enter")
            expect(page.get_by_role("tab")).to_have_count(number + 2)
        page.get_by_role("button", name="1 here").click()
        expect(page.get_by_role("complementary")).to_be_in_viewport()
        self.assertNoSidewaysScroll(page)
        expect(page.get_by_role("tab", selected=True)).to_be_in_viewport()
        page.get_by_role("tab", name="dev").click()
        self.assertNoSidewaysScroll(page)

    def test_motion(self) -> None:
        """
        Users who prefer reduced motion see none.
        """
        self.serveOn()
        for motion, moving in (("reduce", False), ("no-preference", True)):
            page = self.open(reduced_motion=motion)
            moves = page.evaluate(
                """() => [...document.querySelectorAll("*")].some(
                    (each) => parseFloat(getComputedStyle(each).transitionDuration) > 0)"""
            )
            self.assertEqual(moves, moving)


class AxeTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        if Axe is None:
            raise SkipTest("axe-playwright-python is not installed")
        self.serveOn()

    def check(self, page: Any) -> None:
        """
        Fail if axe finds a problem.
        """
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        wrong = [
            f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes']]}"
            for each in found.response["violations"]
        ]
        self.assertEqual(wrong, [])

    def crowded(self, **options: Any) -> tuple[Any, Server]:
        """
        @return: a page that shows every element, and its server
        """
        # the page's own policy blocks axe
        page = self.open(bypass_csp=True, **options)
        self.check(page)
        page.close()
        page = page.context.new_page()
        members = ["Mina", *[f"name{number}" for number in range(40)]]
        topic = "see https://example.org/topic for more, " * 6
        server = Server(page, topic=topic, locked=True, members=members, count=50)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        page.get_by_label("Your name").fill("Mina")
        page.keyboard.press("Enter")
        expect(page.locator("#connection")).to_have_text("Online")
        expect(page.get_by_role("tab")).to_have_count(1)
        for seq, name in enumerate(members * 2, 1):
            server.message(seq, name, f"hello https://example.org/{seq}")
        server.message(100, "machat", "a notice")
        server.message(101, "name1", "long " * 500)
        server.message(102, "name1", "and more")
        say(page, "is being sent")
        expect(page.locator(".pending")).to_have_count(1)
        return page, server

    def talk(self, **options: Any) -> tuple[Any, Server]:
        """
        @return: a page of a moderator that shows all kinds of messages, and its server
        """
        page = self.blank(bypass_csp=True, **options)
        here = {"moderator": True, "members": ["Mina", "Ada", "Bob"], "count": 3}
        server = Server(page, topic="Release at noon", **here)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        page.get_by_label("Your name").fill("Mina")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tab")).to_have_count(1)
        hearts = {"\u2764\ufe0f": ["Ada", "Mina"], "\U0001f44d": ["Bob"]}
        server.message(1, "Ada", "Is the build on staging?", reactions=hearts)
        server.message(2, "Mina", "Since eight. Run `make check`:", reply=1, edited=True)
        server.message(3, "Bob", "```sh\nmake check\nmake install  # " + "x" * 90 + "\n```")
        build = {"kind": "build", "ok": True, "tests": {"run": 1200, "failed": 0}}
        server.message(4, "Ada", "", data=build)
        server.message(5, "Bob", "swordfish")
        removal = {"target": 5, "by": "Ada", "reason": "a secret", "at": 1_760_000_000_006}
        server.tell(type="redacted", room="dev", seq=6, **removal)
        server.message(7, "Bob", "oh, thanks", reply=5)
        server.message(8, "Ada", "as I wrote at the beginning", reply=1)
        server.tell(type="typing", room="dev", **{"from": "Bob"})
        expect(page.locator(".removed, .typing:visible")).to_have_count(2)
        return page, server

    def test_messages(self) -> None:
        """
        Axe finds no problem with replies, edits, removals, reactions, code and data, in the menu of
        a message, while a message is answered, and in the dialogs for moderators.
        """
        for scheme, viewport in (("light", {"width": 1200, "height": 900}), ("dark", PHONE)):
            page, server = self.talk(color_scheme=scheme, viewport=viewport)
            self.check(page)
            page.locator(".menu-button").last.focus()
            page.keyboard.press("Enter")
            self.check(page)
            page.get_by_role("menuitem", name="Reply").click()
            self.check(page)
            page.locator(".menu-button").last.focus()
            page.keyboard.press("Enter")
            page.get_by_role("menuitem", name="Mute Ada").click()
            self.check(page)
            page.keyboard.press("Escape")
            if viewport is PHONE:
                page.get_by_role("button", name="3 here").click()
            page.get_by_role("button", name="Moderation…").click()
            asked = server.await_("sanctions")
            mute = {"kind": "mute", "name": "Eve", "until": 1_900_000_000_000, "by": "Ada"}
            server.tell(type="sanctions", room="dev", sanctions=[mute], id=asked["id"])
            expect(page.get_by_role("button", name="Lift for Eve")).to_be_visible()
            self.check(page)

    def test_direct(self) -> None:
        """
        Axe finds no problem with a direct conversation and the menu of a member, in the dialog that
        blocks a user, and while the user is blocked.
        """
        for scheme, viewport in (("light", {"width": 1200, "height": 900}), ("dark", PHONE)):
            page = self.blank(bypass_csp=True, color_scheme=scheme, viewport=viewport)
            server = Server(page, members=["Mina", "Ada"], count=2)
            server.password = "secret"
            page.goto(f"http://127.0.0.1:{self.ws}/#dev")
            page.get_by_label("Your name").fill("Mina")
            page.keyboard.press("Enter")
            offerPassword(page, "secret")
            expect(page.get_by_role("tab")).to_have_count(1)
            server.converse("Ada", "lunch?")
            expect(page.locator(".count")).to_have_text("1")
            if viewport is PHONE:
                page.get_by_role("button", name="2 here").click()
            page.get_by_role("button", name="Ada", exact=True).click()
            expect(page.get_by_role("menuitem", name="Message Ada privately")).to_be_visible()
            self.check(page)
            page.keyboard.press("Escape")
            page.get_by_role("tab", name="Ada").click()
            expect(page.locator(".divider.fresh:visible")).to_have_text("New messages")
            self.check(page)
            if viewport is PHONE:
                page.get_by_role("button", name="2 here").click()
                page.get_by_role("button", name="Ada", exact=True).click()
                page.get_by_role("menuitem", name="Block Ada…").click()
            else:
                page.get_by_role("button", name="Block Ada…").click()
            self.check(page)
            page.get_by_role("dialog").get_by_role("button", name="Block").click()
            server.tell(type="done", id=server.await_("block")["id"])
            expect(page.get_by_role("button", name="Unblock")).to_be_visible()
            self.check(page)

    def test_search(self) -> None:
        """
        Axe finds no problem with the results of a search.
        """
        for scheme, viewport in (("light", {"width": 1200, "height": 900}), ("dark", PHONE)):
            page, server = self.talk(color_scheme=scheme, viewport=viewport)
            say(page, "/search tea")
            asked = server.await_("history")
            self.assertEqual((asked["text"], "before" in asked), ("tea", False))
            tea = {
                "type": "message",
                "room": "dev",
                "seq": 7,
                "from": "Ada",
                "text": "tea",
                "at": 0,
            }
            answer = {"room": "dev", "epoch": "e", "seq": 9, "messages": [tea], "searched": 7}
            server.tell(type="history", **answer, id=asked["id"])
            expect(page.get_by_role("button", name="Search older messages")).to_be_visible()
            self.check(page)

    def test_composing(self) -> None:
        """
        Axe finds no problem in the start form, in the suggestions and among the emoji, with forced
        colours, and on a phone in German.
        """
        german = {"locale": "de-DE", "color_scheme": "dark", "viewport": PHONE}
        for options in ({"forced_colors": "active"}, german):
            page = self.open(bypass_csp=True, **options)
            Server(page, members=["Mina", "Ada", "Bob"], count=3)
            page.reload()
            self.check(page)
            page.locator("[name=name]").fill("Mina")
            page.keyboard.press("Enter")
            field = page.locator("textarea")
            for typed in ("@", "/l"):
                field.fill("")
                field.press_sequentially(typed)
                field.press("ArrowDown")
                expect(page.get_by_role("option", selected=True)).to_be_visible()
                self.check(page)
            field.press("Escape")
            field.fill("")
            page.locator(".emoji-open").click()
            expect(page.locator(".emoji button").first).to_be_visible()
            self.check(page)

    def test_colours(self) -> None:
        """
        Axe finds no problem, in light and dark mode, wide and narrow: while connected, in the
        dialog, with a refused message, offline, and after the end.
        """
        for scheme, viewport in (("light", {"width": 1200, "height": 1400}), ("dark", PHONE)):
            page, server = self.crowded(color_scheme=scheme, viewport=viewport)
            self.check(page)
            said = next(each for each in server.heard if each.get("type") == "say")
            server.tell(type="error", id=said["id"], code="muted", text="you are muted")
            expect(page.get_by_role("button", name="Send again")).to_be_visible()
            page.get_by_role("button", name="Search", exact=True).click()
            page.keyboard.type("hello")
            expect(page.get_by_role("search").get_by_role("status")).to_have_text("82 of 82")
            self.check(page)
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Join a room").click()
            self.check(page)
            page.keyboard.press("Escape")
            page.get_by_role("button", name="50 here").click()
            self.check(page)
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Show the whole topic").click()
            self.check(page)
            server.tell(type="left", room="dev", reason="kicked by Ada")
            expect(page.get_by_role("button", name="Join again")).to_be_visible()
            server.tell(type="bye", code=3503, reason="removed", reconnect=False)
            expect(page.get_by_role("button", name="Connect again")).to_be_visible()
            self.check(page)

    def test_dialogs(self) -> None:
        """
        Axe finds no problem in the dialogs and with mentions, in light and dark mode, wide and
        narrow.
        """
        for scheme, viewport in (("light", PHONE), ("dark", {"width": 1200, "height": 900})):
            page = self.open(bypass_csp=True, color_scheme=scheme, viewport=viewport)
            server = Server(page)
            page.reload()
            page.get_by_label("Your name").fill("Mina")
            page.keyboard.press("Enter")
            expect(page.get_by_role("tab")).to_have_count(1)
            page.evaluate("Object.defineProperty(document, 'visibilityState', { value: 'hidden' })")
            server.message(1, "Ada", "@mina, hello")
            expect(page.locator(".count")).to_have_text(["@1", "1"])
            self.check(page)
            page.get_by_role("button", name="Settings").click()
            self.check(page)
            for keys in ("Control+/", "Control+k"):
                page.keyboard.press("Escape")
                page.keyboard.press(keys)
                expect(page.locator("dialog[open]")).to_have_count(1)
                self.check(page)
            page.get_by_role("combobox").fill("another")
            self.check(page)
