"""
Browser tests of the page: direct conversations, and blocked users.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser import PageTestCase, expect, expectTexts, offerPassword, reload, say, signIn
from tests.page.accounts import AccountsTestCase, openMember, tab
from tests.page.test_mentions import STUB
from tests.page.test_safety import Server

#: The texts of the consequences.
BLOCK = (
    "The server will refuse private messages from Ada to you, and Ada will see that. In rooms you "
    "still see each other. You can unblock Ada at any time."
)
BLOCKED = "You have blocked Ada, who cannot send you private messages."
REFUSED = "Not sent: you may not send messages to that user"


class DirectTests(AccountsTestCase):
    def notify(self, page: Any) -> None:
        """
        Hide a page that records its notifications, for mentions.
        """
        page.evaluate(STUB)
        page.evaluate("Notification.permission = 'granted'")
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Notifications").select_option("For mentions")
        page.keyboard.press("Escape")
        page.evaluate("hide(true)")

    def test_conversation(self) -> None:
        """
        A member's menu opens a conversation. At the other user, it opens by itself with the first
        message, which counts as a mention in the tab and in the title.
        """
        mina, ada = self.user("Mina"), self.user("Ada")
        mina.bring_to_front()  # Firefox focuses nothing in other windows
        openMember(mina, "Ada")
        mina.get_by_role("menuitem", name="Message Ada privately").click()
        expect(mina.get_by_role("tab", selected=True)).to_have_text("Ada (private)")
        expect(mina.get_by_role("heading", name="Ada")).to_be_visible()
        expect(mina.get_by_label("Message to Ada")).to_be_focused()
        expect(ada.get_by_role("tab")).to_have_count(1)
        say(mina, "lunch?")
        expect(tab(ada, "Mina")).to_have_text("Mina (private) 11 unread message")
        expect(tab(ada, "Mina").locator(".mentions")).to_have_text("1")
        expect(ada).to_have_title("(@1, 1) dev – MaChat")
        expect(ada.get_by_role("tab", selected=True)).to_have_text("dev")
        tab(ada, "Mina").click()
        expectTexts(ada, ["lunch?"])
        expect(tab(ada, "Mina").locator(".count")).to_have_count(0)
        expect(ada).to_have_title("Mina – MaChat")
        say(ada, "at one")
        expectTexts(mina, ["lunch?", "at one"])

    def test_reload(self) -> None:
        """
        A conversation is there after a reload and after a new login. The dialog that jumps to a
        room finds one whose tab was closed.
        """
        mina, ada = self.user("Mina"), self.raw("Ada", None)
        say(mina, "/msg Ada lunch?")
        expectTexts(mina, ["lunch?"])
        ada.await_("message")
        reload(mina)
        expect(mina.get_by_role("tab")).to_have_text(["dev", "Ada (private)"])
        tab(mina, "Ada").click()
        expectTexts(mina, ["lunch?"])
        mina.get_by_role("button", name="Close").click()
        expect(mina.get_by_role("tab")).to_have_text(["dev"])
        phone = self.user("Mina")
        expect(phone.get_by_role("tab")).to_have_text(["dev", "Ada (private)"])
        mina.reload()
        expect(mina.locator("#connection")).to_have_text("Online")
        expect(mina.get_by_role("tab")).to_have_text(["dev"])
        mina.keyboard.press("Control+k")
        mina.keyboard.type("ad")
        expect(mina.get_by_role("option", name="Ada private")).to_be_visible()
        mina.keyboard.press("Enter")
        expectTexts(mina, ["lunch?"])
        mina.get_by_role("button", name="Close").click()
        self.said(ada, "well?", to="Mina")
        expect(tab(mina, "Ada").locator(".count")).to_have_text("1")

    def test_signOut(self) -> None:
        """
        After a user has signed out, neither the form nor a notification shows with whom the user
        has talked.
        """
        mina, ada = self.user("Mina"), self.raw("Ada")
        say(mina, "/msg Ada lunch?")
        expectTexts(mina, ["lunch?"])
        tab(mina, "dev").click()
        mina.get_by_role("button", name="Leave").click()
        expect(mina.get_by_role("tab")).to_have_text(["Ada (private)"])
        reload(mina)
        expectTexts(mina, ["lunch?"])
        self.notify(mina)
        self.said(ada, "well?", to="Mina")
        mina.wait_for_function("shown.length === 1 && !shown[0].closed")
        mina.get_by_role("button", name="Settings").click()
        mina.get_by_role("button", name="Sign out").click()
        self.assertTrue(mina.evaluate("shown[0].closed"))
        expect(mina.locator("#signin").get_by_label("Room")).to_have_value("lobby")
        self.assertEqual(mina.evaluate("sessionStorage.length"), 0)

    def test_join(self) -> None:
        """
        An at sign and a name in the dialog for joining a room open a conversation.
        """
        mina = self.user("Mina")
        mina.get_by_role("button", name="Join a room").click()
        mina.get_by_role("dialog").get_by_label("Room").fill("@ada")
        mina.keyboard.press("Enter")
        expect(mina.get_by_role("tab", selected=True)).to_have_text("ada (private)")

    def test_notification(self) -> None:
        """
        While the page is hidden, a direct message gives the notification and the sound of a
        mention.
        """
        mina, ada = self.user("Mina"), self.raw("Ada", None)
        self.notify(mina)
        self.said(ada, "lunch?", to="Mina")
        expect(tab(mina, "Ada")).to_have_count(1)
        mina.wait_for_function("shown.length === 1 && tones === 1")
        title, body = mina.evaluate("[shown[0].title, shown[0].body]")
        self.assertEqual((title, body), ("Private message from Ada", "lunch?"))
        mina.evaluate("hide(false); shown[0].dispatchEvent(new Event('click'))")
        expectTexts(mina, ["lunch?"])

    def test_block(self) -> None:
        """
        A user is blocked in the conversation, after the consequences were stated, and unblocked
        there. The sender sees the refusal. The block lasts over a reload.
        """
        mina, ada = self.user("Mina"), self.user("Ada")
        say(ada, "/msg Mina buy this")
        tab(mina, "Ada").click()
        mina.get_by_role("button", name="Block Ada…").click()
        dialog = mina.get_by_role("dialog", name="Block Ada")
        expect(dialog).to_contain_text(BLOCK)
        dialog.get_by_role("button", name="Block").click()
        expect(mina.get_by_text(BLOCKED)).to_be_visible()
        members = mina.get_by_role("complementary").bounding_box()
        height = mina.viewport_size["height"]
        bottom = members["y"] + members["height"]
        self.assertAlmostEqual(bottom, height, places=3)  # also next to the bar
        say(ada, "and this")
        expect(ada.locator(".fate:visible")).to_contain_text(REFUSED)
        mina.reload()
        tab(mina, "Ada").click()
        expect(mina.get_by_text(BLOCKED)).to_be_visible()
        expectTexts(mina, ["buy this"])
        mina.get_by_role("button", name="Unblock").click()
        expect(mina.get_by_text(BLOCKED)).to_be_hidden()
        ada.get_by_role("button", name="Send again").click()
        expectTexts(mina, ["buy this", "and this"])
        self.raw("Mina").send(type="block", name="Ada")  # another device
        expect(mina.get_by_text(BLOCKED)).to_be_visible()

    def test_menus(self) -> None:
        """
        The menus of members and of messages offer to block and to unblock a user. So do commands.
        """
        mina, ada = self.user("Mina"), self.raw("Ada")
        self.said(ada, "hello")
        mina.locator(".menu-button").focus()
        mina.keyboard.press("Enter")
        expect(mina.get_by_role("menuitem", name="Message Ada privately")).to_be_visible()
        mina.get_by_role("menuitem", name="Block Ada").click()
        mina.get_by_role("dialog").get_by_role("button", name="Block").click()
        expect(mina.get_by_role("dialog")).to_have_count(0)
        ada.send(type="say", to="Mina", text="x")
        self.assertEqual(ada.await_("error")["code"], "not-allowed")
        openMember(mina, "Ada")
        mina.get_by_role("menuitem", name="Unblock Ada").click()
        dialog = mina.get_by_role("dialog", name="Unblock Ada")
        expect(dialog).to_contain_text("Ada will be able to send you private messages again.")
        dialog.get_by_role("button", name="Unblock").click()
        expect(dialog).to_have_count(0)
        self.said(ada, "hello again", to="Mina")
        field = mina.get_by_label("Message to dev")
        field.press_sequentially("/block @a")
        field.press("Tab")
        expect(field).to_have_value("/block @Ada ")
        field.press("Enter")
        expect(mina.locator(".notice").last).to_have_text(BLOCKED[:-1])
        ada.send(type="say", to="Mina", text="x")
        self.assertEqual(ada.await_("error")["code"], "not-allowed")
        say(mina, "/unblock @Ada")
        expect(mina.locator(".notice").last).to_contain_text("Ada can send you private messages")
        self.said(ada, "once more", to="Mina")

    def test_refusals(self) -> None:
        """
        A refusal is shown at the field, and the text is there again.
        """
        mina = self.user("Mina")
        for typed, answer in (
            ("/msg MINA hello", "That is your own name."),
            ("/msg", "/msg needs a name. For a list of commands, send /help."),
            ("/msg a,b hello", 'Not a name: "a,b".'),
            ("/block Mina", "That is your own name."),
        ):
            say(mina, typed)
            expect(mina.locator(".note")).to_have_text(answer)
            expect(mina.get_by_label("Message to dev")).to_have_value(typed)
        expect(mina.get_by_role("tab")).to_have_text(["dev"])


class PasswordTests(PageTestCase):
    """
    Users with passwords, and a server without accounts.
    """

    def test_nobody(self) -> None:
        """
        The server knows which users there are.
        """
        users = Path(self.mktemp())
        users.write_text("Mina:secret\nAda:secret\n")
        users.chmod(0o600)
        self.serveOn("--auth", f"file:{users}")
        mina = self.open()
        signIn(mina, "Mina")
        offerPassword(mina, "secret")
        expect(mina.get_by_role("tab")).to_have_text(["dev"])
        say(mina, "/msg Nobody hello")
        expect(mina.locator(".note")).to_have_text("There is no user Nobody.")
        expect(mina.get_by_label("Message to dev")).to_have_value("/msg Nobody hello")
        say(mina, "/msg Ada hello")
        expect(mina.get_by_role("tab", selected=True)).to_have_text("Ada (private)")
        expectTexts(mina, ["hello"])

    def test_withoutAccounts(self) -> None:
        """
        Without accounts, nothing is offered, and the commands state the reason.
        """
        self.serveOn()
        self.tcpClient("Ada").send(type="say", text="hello")
        mina = self.enter("Mina")
        expectTexts(mina, ["hello"])
        members = mina.get_by_role("complementary")
        expect(members.get_by_text("Ada")).to_be_visible()
        expect(members.get_by_role("button")).to_have_count(0)
        mina.locator(".menu-button").focus()
        mina.keyboard.press("Enter")
        expect(mina.get_by_role("menuitem", name="Reply")).to_be_visible()
        expect(mina.get_by_role("menuitem", name="privately")).to_have_count(0)
        mina.keyboard.press("Escape")
        for typed in ("/msg Ada hello", "/block Ada", "/unblock Ada"):
            say(mina, typed)
            expect(mina.locator(".note")).to_have_text(
                "Private messages are for users with an account, and you have joined without one."
            )

    def test_bound(self) -> None:
        """
        At most 20 conversations are open. A further one replaces the one that was read and not
        used for the longest time; if none is read, it does not open by itself.
        """
        self.serveOn()
        page = self.blank()
        server = Server(page)
        server.password = "secret"
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        offerPassword(page, "secret")
        expect(page.get_by_role("tab")).to_have_count(1)

        for number in range(21):
            server.converse(f"u{number}", "hi")
        expect(page.get_by_role("tab")).to_have_count(21)
        expect(tab(page, "u20")).to_have_count(0)
        self.assertEqual(server.await_("leave")["room"], "@Mina,u20")
        for name in ("u7", "u3", "dev"):
            tab(page, name).click()
        server.converse("u21", "hi")
        expect(tab(page, "u21").locator(".count")).to_have_text("1")
        expect(tab(page, "u7")).to_have_count(0)
        expect(page.get_by_role("tab")).to_have_count(21)
