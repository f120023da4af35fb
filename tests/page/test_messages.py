"""
Browser tests of the page: replies, edits, removals, reactions, typing, code and data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser import PageTestCase, expect, expectTexts, joinRoom, lookAgain, say, signIn
from tests.page.test_safety import Server
from tests.page.test_tokens import SECRET, Endpoint

#: Texts with code, and the texts of the elements with code in them.
CODE: list[tuple[str, list[str]]] = [
    ("run `make all` now", ["make all"]),
    ("``a `b` c``", ["a `b` c"]),
    ("```py\nx = 1\n  y = `2`\n```\nafter", ["x = 1\n  y = `2`"]),
    ("a ` b", []),
    ("``` unclosed\nx", []),
    ("**bold** _it_ # head <b>x</b>", []),
    ("`<img src=x onerror=alert(1)>`", ["<img src=x onerror=alert(1)>"]),
    ("`https://example.org/`", ["https://example.org/"]),
]


def choose(page: Any, text: str, action: str) -> None:
    """
    Choose an action in the menu of the message that contains a text.
    """
    message = page.locator(".message", has=page.locator(".text", has_text=text))
    message.hover()
    message.locator(".menu-button").click()
    page.get_by_role("menuitem", name=action).click()


class MessageTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def pair(self) -> tuple[Any, Any]:
        """
        @return: two pages, on which Mina and Ada have joined
        """
        return self.enter("Mina"), self.enter("Ada")

    def test_reply(self) -> None:
        """
        A reply shows what it answers; a click on that scrolls to the message and focuses it.
        """
        mina, ada = self.pair()
        say(ada, "tea?")
        expectTexts(mina, ["tea?"])
        mina.bring_to_front()  # Firefox focuses nothing in other windows
        choose(mina, "tea?", "Reply")
        expect(mina.locator(".mode")).to_contain_text("Answer to Ada tea?")
        expect(mina.get_by_label("Message to dev")).to_be_focused()
        say(mina, "yes")
        expect(mina.locator(".mode")).to_be_hidden()
        for page in (mina, ada):
            expect(page.locator(".message:not(.pending) .quote")).to_have_text("Answer to Ada tea?")
        ada.bring_to_front()
        ada.locator(".quote").click()
        expect(ada.locator(".message", has_text="tea?").first).to_be_focused()
        choose(mina, "yes", "Reply")
        mina.keyboard.press("Escape")
        expect(mina.locator(".mode")).to_be_hidden()

    def test_distantReply(self) -> None:
        """
        A click on the answered message loads it if it is not among the loaded ones, and newer
        messages follow it.
        """
        self.serveOn("--rate", "off")
        eve = self.tcpClient("Eve")
        for number in range(250):
            eve.send(type="say", text=f"line {number}")
        eve.send(type="say", text="about the first", reply=1, id="1")
        eve.await_("ack")
        mina = self.enter("Mina")
        expect(mina.locator(".quote")).to_have_text("An earlier message")
        mina.locator(".quote").click()
        expect(mina.locator(".message", has_text="line 0")).to_be_focused()
        mina.locator(".log").press("End")
        expect(mina.locator(".quote")).to_be_visible()

    def test_edit(self) -> None:
        """
        Arrow up in the empty field edits the user's last message; all members see the new text,
        also in a quotation of it. Escape returns to the draft.
        """
        mina, ada = self.pair()
        say(mina, "see you at 9")
        expectTexts(ada, ["see you at 9"])
        choose(ada, "at 9", "Reply")
        say(ada, "fine")
        field = mina.get_by_label("Message to dev")
        field.press("ArrowUp")
        expect(field).to_have_value("see you at 9")
        expect(mina.locator(".mode")).to_contain_text("You edit a message.")
        field.fill("see you at 10")
        field.press("Enter")
        for page in (mina, ada):
            expectTexts(page, ["see you at 10", "fine"])
            expect(page.locator(".edited")).to_have_text("edited")
            expect(page.locator(".quote")).to_contain_text("see you at 10")
        field.fill("a draft")
        choose(mina, "see you at 10", "Edit")
        mina.keyboard.press("Escape")
        expect(field).to_have_value("a draft")
        self.assertEqual(ada.get_by_text("at 9", exact=False).count(), 0)
        ada.locator(".message", has_text="see you").first.hover()
        ada.locator(".menu-button").first.click()
        expect(ada.get_by_role("menuitem", name="Reply")).to_be_visible()
        self.assertEqual(ada.get_by_role("menuitem", name="Edit").count(), 0)

    def test_redact(self) -> None:
        """
        A removed message shows who has removed it and why. Its text is nowhere on the page, and not
        in its storage.
        """
        mina, ada = self.pair()
        say(mina, "the password is swordfish")
        expectTexts(ada, ["the password is swordfish"])
        choose(ada, "swordfish", "Reply")
        say(ada, "oh")
        expect(mina.locator(".quote")).to_contain_text("swordfish")
        choose(ada, "oh", "Reply")
        ada.locator(".quote").first.wait_for()
        choose(mina, "swordfish", "Remove")
        dialog = mina.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("a secret")
        dialog.get_by_role("button", name="Remove").click()
        for page in (mina, ada):
            removed = page.locator(".removed")
            expect(removed).to_have_text("Mina removed this message: a secret")
            expect(page.locator(".quote")).to_have_text("Answer to Mina This message was removed.")
            self.assertNotIn("swordfish", page.content())
            kept = page.evaluate("JSON.stringify([localStorage, sessionStorage])")
            self.assertNotIn("swordfish", kept)
        ada.reload()
        expect(ada.locator(".removed")).to_have_text("This message was removed.")

    def test_reactions(self) -> None:
        """
        A reaction is added from the menu or with a field, counted with its names, and removed by
        another click.
        """
        mina, ada = self.pair()
        say(mina, "done")
        expectTexts(ada, ["done"])
        choose(ada, "done", "React with \U0001f389")
        chip = mina.locator(".chip")
        expect(chip).to_have_text("\U0001f389 1")
        expect(chip).to_have_attribute("title", "Ada")
        expect(chip).to_have_attribute("aria-pressed", "false")
        mina.bring_to_front()  # Firefox focuses nothing in other windows
        chip.click()
        expect(chip).to_have_text("\U0001f389 2")
        expect(ada.locator(".chip")).to_have_attribute("title", "Ada, Mina")
        expect(chip).to_be_focused()
        chip.click()
        expect(chip).to_have_text("\U0001f389 1")
        choose(ada, "done", "Another reaction")
        dialog = ada.get_by_role("dialog")
        dialog.get_by_role("textbox").fill("no")
        ada.keyboard.press("Enter")
        expect(dialog.get_by_role("status")).not_to_be_empty()
        dialog.get_by_role("textbox").fill("\U0001f98a")
        ada.keyboard.press("Enter")
        expect(mina.locator(".chip")).to_have_text(["\U0001f389 1", "\U0001f98a 1"])

    def test_recovery(self) -> None:
        """
        A page that was disconnected receives the edits, removals and reactions in order, and a page
        that joins later shows the current state.
        """
        way = self.way()
        mina, eve = self.enter("Mina", way.port), self.tcpClient("Eve")
        for text in ("one", "two", "three"):
            eve.send(type="say", text=text)
        expectTexts(mina, ["one", "two", "three"])
        way.cut()
        expect(mina.locator("#connection")).not_to_have_text("Online")
        eve.send(type="edit", target=1, text="uno")
        eve.send(type="react", target=1, emoji="\U0001f44d")
        eve.send(type="redact", target=2)
        eve.send(type="edit", target=1, text="eins", id="last")
        eve.await_("ack")
        way.lead(self.ws)
        lookAgain(mina)
        for page in (mina, self.enter("Ada")):
            expectTexts(page, ["eins", "three"])
            expect(page.locator(".removed")).to_have_count(1)
            expect(page.locator(".chip")).to_have_attribute("title", "Eve")
            self.assertNotIn("two", page.locator(".log").inner_text())

    def test_typing(self) -> None:
        """
        Members see that another one types, until a message arrives or some seconds have passed.
        """
        mina, ada = self.enter("Mina"), self.blank()
        ada.clock.install()
        ada.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(ada, "Ada")
        expect(ada.get_by_role("tab")).to_have_count(1)
        field, notice = mina.get_by_label("Message to dev"), ada.locator(".typing")
        field.press_sequentially("hello")
        expect(notice).to_have_text("Mina is typing…")
        field.press("Enter")
        expectTexts(ada, ["hello"])
        expect(notice).to_be_hidden()
        eve = self.tcpClient("Eve")
        eve.send(type="typing")
        expect(notice).to_have_text("Eve is typing…")
        ada.clock.fast_forward(6_000)
        expect(notice).to_be_hidden()

    def test_code(self) -> None:
        """
        Code between backticks is shown as code; there is no other markup.
        """
        mina = self.enter("Mina")
        for text, _ in CODE:
            say(mina, text)
        expect(mina.locator(".message:not(.pending)")).to_have_count(len(CODE))
        found = mina.locator(".text").evaluate_all(
            "(all) => all.map((text) => [...text.querySelectorAll('code')].map(\n"
            "    (code) => code.textContent))"
        )
        self.assertEqual(found, [codes for _, codes in CODE])
        self.assertEqual(mina.locator(".log :is(b, strong, em, img, h1)").count(), 0)
        self.assertEqual(mina.locator(".text pre").count(), 1)

    def test_data(self) -> None:
        """
        Data without a text is shown as a list of its entries, and never as anything else.
        """
        mina, eve = self.enter("Mina"), self.tcpClient("Eve")
        data = {"kind": "<b>build</b>", "ok": True, "tests": {"run": [1]}, "url": "javascript:x()"}
        eve.send(type="say", text="", data=data)
        eve.send(type="say", text="with a text", data=data)
        expectTexts(mina, ["with a text"])
        card = mina.locator(".data")
        expect(card.locator("dt")).to_have_text(["kind", "ok", "tests", "url"])
        expected = ["<b>build</b>", "true", '{"run":[1]}', "javascript:x()"]
        expect(card.locator("dd")).to_have_text(expected)
        self.assertEqual(card.locator("a, b").count(), 0)

    def test_keyboard(self) -> None:
        """
        The menu of any message is reachable with the keyboard.
        """
        mina = self.enter("Mina")
        for text in ("one", "two"):
            say(mina, text)
        expect(mina.locator(".message:not(.pending)")).to_have_count(2)
        mina.locator(".log").focus()
        mina.keyboard.press("Tab")
        mina.keyboard.press("ArrowUp")
        mina.keyboard.press("Enter")
        menu = mina.get_by_role("menu")
        expect(menu.get_by_role("menuitem").first).to_be_focused()
        mina.keyboard.press("Escape")
        expect(menu).to_have_count(0)
        expect(mina.locator(".menu-button").first).to_be_focused()
        mina.keyboard.press("Enter")
        for _ in range(7):
            mina.keyboard.press("ArrowDown")
        mina.keyboard.press("Enter")
        expect(mina.locator(".mode")).to_contain_text("Answer to Mina one")

    def test_otherRoom(self) -> None:
        """
        A message that is removed while its room is hidden does not appear when it is shown again.
        """
        mina, eve = self.enter("Mina"), self.tcpClient("Eve")
        eve.send(type="say", text="swordfish")
        expectTexts(mina, ["swordfish"])
        joinRoom(mina, "tea")
        eve.send(type="redact", target=1, id="1")
        eve.await_("ack")
        mina.get_by_role("tab", name="dev").click()
        expect(mina.locator(".room:not([hidden]) .removed")).to_have_count(1)
        self.assertNotIn("swordfish", mina.content())


class UnrecoveredTests(PageTestCase):
    """
    Changes that the page has not received one by one.
    """

    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.page = self.blank()
        self.server = Server(self.page)
        self.joinDev(self.page)

    def stored(self, which: dict[str, Any], *messages: dict[str, Any]) -> None:
        """
        Answer the next request for stored messages.

        @param which: the expected fields of the request
        @param messages: without the fields that are always the same
        """
        asked = self.server.take("history")
        self.assertEqual({**asked, **which}, asked)
        about = {"type": "message", "room": "dev", "from": "Ada"}
        found = [{**about, "at": 1_760_000_000_000 + each["seq"], **each} for each in messages]
        answer = {"room": "dev", "epoch": "e", "seq": 400, "messages": found}
        self.server.tell(type="history", id=asked["id"], **answer)

    def test_gap(self) -> None:
        """
        After a gap that cannot be recovered, the page updates all messages that it has, with
        further requests for those that are not in the first answer.
        """
        for seq, text in enumerate(("one", "swordfish", "three"), 1):
            self.server.message(seq, "Ada", text)
        expectTexts(self.page, ["one", "swordfish", "three"])
        self.server.tell(type="moved", room="dev", epoch="e", seq=400, lost=False)
        answer = {"seq": 3, "text": "3", "edited": True, "reactions": {"\U0001f44d": ["Bo"]}}
        self.stored({}, answer, {"seq": 400, "text": "last"})
        removed = {"seq": 2, "text": "", "redacted": True}
        self.stored({"before": 3}, {"seq": 1, "text": "one"}, removed)
        expectTexts(self.page, ["one", "3", "last"])
        expect(self.page.locator(".removed")).to_have_count(1)
        expect(self.page.locator(".chip")).to_have_attribute("title", "Bo")
        expect(self.page.locator(".divider.gap")).to_have_count(0)
        self.assertNotIn("swordfish", self.page.content())

    def test_edited(self) -> None:
        """
        If a message is removed while the user edits it, its text leaves the field; a refused edit
        returns to the field.
        """
        page, field = self.page, self.page.get_by_label("Message to dev")
        self.server.message(1, "Mina", "swordfish")
        expectTexts(page, ["swordfish"])
        field.press("ArrowUp")
        field.fill("catfish")
        field.press("Enter")
        edit = self.server.await_("edit")
        self.assertEqual((edit["target"], edit["text"]), (1, "catfish"))
        self.server.tell(type="error", id=edit["id"], code="not-allowed", text="too late")
        expect(page.locator(".note")).to_have_text("Too late.")
        expect(field).to_have_value("catfish")
        removal = {"target": 1, "by": "Ada", "from": "Mina", "at": 1_760_000_000_002}
        self.server.tell(type="redacted", room="dev", seq=2, **removal)
        expect(page.locator(".mode")).to_be_hidden()
        expect(field).to_have_value("")
        expect(page.locator(".removed")).to_have_text("Ada removed this message.")

    def test_refusedReply(self) -> None:
        """
        A refused reply that returns to the field remains a reply.
        """
        self.server.message(1, "Ada", "tea?")
        expectTexts(self.page, ["tea?"])
        choose(self.page, "tea?", "Reply")
        say(self.page, "yes")
        said = self.server.await_("say")
        self.assertEqual((said["text"], said["reply"]), ("yes", 1))
        self.server.tell(type="error", id=said["id"], code="muted", text="not now")
        self.page.get_by_role("button", name="Edit").click()
        expect(self.page.locator(".mode")).to_contain_text("Answer to Ada tea?")
        expect(self.page.get_by_label("Message to dev")).to_have_value("yes")


class ModeratedTests(PageTestCase):
    """
    A moderator and another user, on a real server.
    """

    def test_moderated(self) -> None:
        """
        A moderator removes a message of another user, mutes the user, and lifts that again.
        """
        secret = Path(self.mktemp())
        secret.write_text(SECRET)
        self.serveOn("--auth", f"jwt:keyfile={secret}", "--page-token-url", "/chat-token")
        pages = [self.blank(), self.blank()]
        for page, name in zip(pages, ("Mina", "Bob"), strict=True):
            Endpoint(page, name, mod=name == "Mina")
            page.goto(f"http://127.0.0.1:{self.ws}/#dev")
            expect(page.get_by_role("tab")).to_have_count(1)
        mina, bob = pages
        say(bob, "buy this")
        expectTexts(mina, ["buy this"])
        choose(mina, "buy this", "Remove")
        mina.get_by_label("Reason").fill("spam")
        mina.get_by_role("button", name="Remove").click()
        expect(bob.locator(".removed")).to_have_text("Mina removed this message: spam")
        mina.get_by_role("button", name="Bob", exact=True).click()
        mina.get_by_role("menuitem", name="Mute Bob").click()
        mina.get_by_role("button", name="Confirm").click()
        expect(bob.locator(".notice")).to_contain_text("moderator Mina muted Bob")
        say(bob, "why")
        expect(bob.locator(".fate")).to_contain_text("Not sent: you are muted until")
        self.assertEqual(bob.get_by_role("button", name="Moderation…").count(), 0)
        mina.get_by_role("button", name="Moderation…").click()
        mina.get_by_role("button", name="Lift for Bob").click()
        expect(mina.get_by_role("dialog").locator("li")).to_have_text("There are no mutes or bans.")
        mina.get_by_role("button", name="Close").click()
        bob.get_by_role("button", name="Send again").click()
        expectTexts(mina, ["why"])


class ModeratorTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()

    def moderator(self, **joined: object) -> tuple[Any, Server]:
        """
        @return: a page of a moderator, and its server
        """
        page = self.blank()
        here = {"moderator": True, "members": ["Mina", "Bob"], "count": 2, **joined}
        server = Server(page, **here)
        self.joinDev(page)
        return page, server

    def answer(self, server: Server, type: str, **expected: object) -> None:
        """
        Expect a command of this type with these fields, and confirm it.
        """
        command = server.take(type)
        wanted = {"type": type, "room": "dev", "id": command["id"], **expected}
        self.assertEqual(command, wanted)
        server.tell(type="done", id=command["id"])

    def test_members(self) -> None:
        """
        A moderator can kick, mute and ban from the menu of a member and of a message, with a reason
        and a duration; a refusal is shown in the dialog.
        """
        page, server = self.moderator()
        server.message(1, "Bob", "spam")
        expectTexts(page, ["spam"])
        page.get_by_role("button", name="Bob", exact=True).click()
        page.get_by_role("menuitem", name="Mute Bob").click()
        dialog = page.get_by_role("dialog", name="Mute Bob")
        dialog.get_by_label("Duration").select_option("1 hour")
        dialog.get_by_label("Reason").fill("spam")
        dialog.get_by_role("button", name="Confirm").click()
        self.answer(server, "mute", **{"name": "Bob", "for": 3600, "reason": "spam"})
        expect(page.get_by_role("dialog")).to_have_count(0)
        choose(page, "spam", "Kick Bob")
        page.get_by_role("button", name="Confirm").click()
        kick = server.await_("kick")
        server.tell(type="error", id=kick["id"], code="not-joined", text="Bob is not here")
        expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Bob is not here.")
        page.keyboard.press("Escape")
        choose(page, "spam", "Ban Bob")
        page.get_by_role("button", name="Confirm").click()
        self.answer(server, "ban", **{"name": "Bob", "for": 600})
        choose(page, "spam", "Remove")
        page.get_by_role("button", name="Remove").click()
        redact = server.await_("redact")
        self.assertEqual((redact["target"], "reason" in redact), (1, False))

    def test_panel(self) -> None:
        """
        A moderator sees the active mutes and bans, lifts them, sets the topic and locks the room.
        """
        page, server = self.moderator(topic="old")
        page.get_by_role("button", name="Moderation…").click()
        dialog = page.get_by_role("dialog", name="Moderation of dev")
        end = 1_900_000_000_000
        ban = {"kind": "ban", "name": "Eve", "until": end, "by": "Ada"}
        operator = {"kind": "address", "name": None, "until": end, "by": None}

        def tell(*sanctions: object) -> None:
            asked = server.take("sanctions")
            server.tell(type="sanctions", room="dev", sanctions=sanctions, id=asked["id"])

        tell(ban, operator)
        expect(dialog.locator("li").first).to_contain_text("Eve: banned until 17 Mar 2030")
        expect(dialog.locator("li").last).to_contain_text("an address: banned with the address")
        dialog.get_by_role("button", name="Lift for Eve").click()
        self.answer(server, "unban", name="Eve")
        tell()
        expect(dialog.locator("li")).to_have_text("There are no mutes or bans.")
        dialog.get_by_label("Topic").fill("new")
        dialog.get_by_role("button", name="Set the topic").click()
        self.answer(server, "topic", text="new")
        tell()
        dialog.get_by_role("button", name="Lock the room").click()
        server.tell(type="room", room="dev", topic="new", locked=True)
        self.answer(server, "lock")
        tell()
        expect(dialog.get_by_role("button", name="Unlock the room")).to_be_visible()
        dialog.get_by_role("button", name="Close").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("button", name="Moderation…")).to_be_focused()

    def test_others(self) -> None:
        """
        Other users have no actions of moderators.
        """
        page, server = self.moderator(moderator=False)
        server.message(1, "Bob", "hello")
        page.locator(".message").hover()
        page.locator(".menu-button").click()
        expect(page.get_by_role("menuitem", name="Reply")).to_be_visible()
        for name in ("Edit", "Remove", "Kick Bob"):
            self.assertEqual(page.get_by_role("menuitem", name=name).count(), 0)
        self.assertEqual(page.get_by_role("button", name="Moderation…").count(), 0)
        self.assertEqual(page.get_by_role("button", name="Bob", exact=True).count(), 0)
