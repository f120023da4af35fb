"""
Browser tests of the page: joining, refusals, reloads, and return from sleep.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.browser import (
    PATIENT,
    PageTestCase,
    Sockets,
    expect,
    expectTexts,
    joinRoom,
    lookAgain,
    offerPassword,
    pause,
    reload,
    say,
    signIn,
    waitFor,
)
from tests.page.test_safety import Server

#: Returns whether no WebSocket is open.
FAILS = """
window.WebSocket = class {
    constructor() { setTimeout(() => this.onclose({ code: 1006, reason: "" })); }
    close() {}
};
"""


class PasswordTests(PageTestCase):
    """
    A server that requires passwords.
    """

    def serveUsers(self) -> None:
        """
        Start a server that has a password for Mina.
        """
        users = Path(self.mktemp())
        users.write_text("Mina:secret\n")
        users.chmod(0o600)
        self.serveOn("--auth", f"file:{users}")

    def test_wrongPasswords(self) -> None:
        """
        A wrong password is refused once, and not sent to the server again; after too many
        attempts, the page reports this and when it tries again.
        """
        self.serveUsers()
        page = self.blank()
        page.clock.install()
        sockets = Sockets(page)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        expect(page.get_by_text("A password is needed.")).to_be_visible()
        for count in range(3):
            offerPassword(page, f"wrong {count}")
            expect(page.locator("#signin-said.wrong")).to_contain_text(
                "Wrong name, password or token"
            )
            page.clock.run_for(120_000)
            self.assertEqual(sockets.opened, count + 2)
        offerPassword(page, "secret")
        expect(page.locator("#signin-said")).to_contain_text("Too many failed logins")
        expect(page.locator("#signin-said")).to_contain_text("Trying again in")
        self.assertEqual(sockets.opened, 5)

    def test_dialogStaysUntilTheServerAgrees(self) -> None:
        """
        The dialog for a new password shows that it was wrong, or why it waits, and closes when the
        server has accepted it.
        """
        self.serveOn()
        page = self.blank()
        server = Server(page)
        server.password = "first"
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        offerPassword(page, "first")
        expect(page.get_by_role("tab")).to_have_count(1)
        server.password = "second"
        server.tell(type="bye", code=3500, reason="bad-credentials", reconnect=False)
        page.get_by_role("button", name="Connect again").click()
        dialog = page.get_by_role("dialog")
        for password, answer in (("third", "Wrong name or password."), ("fourth", "Wrong name")):
            dialog.get_by_label("Password").fill(password)
            page.keyboard.press("Enter")
            expect(dialog.locator(".said")).to_contain_text(answer)
        dialog.get_by_label("Password").fill("second")
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        expect(page.locator("#connection")).to_have_text("Online")

    def test_fields(self) -> None:
        """
        A password manager finds the name and the password in both forms.
        """
        self.serveUsers()
        page = self.open()
        found = page.locator("form").evaluate_all(
            """(all) => all.map((form) => [...form.querySelectorAll("[autocomplete]")]
                .map((field) => field.autocomplete).filter((each) => each !== "off"))"""
        )
        both = ["username", "current-password"]
        self.assertEqual(found, [both, [], both])
        signIn(page, "Mina")
        offerPassword(page, "secret")
        expect(page.get_by_role("tab")).to_have_count(1)
        expect(page.locator("#password-name")).to_have_value("Mina")

    def test_reload(self) -> None:
        """
        A reloaded page asks for the password, which is not stored, and then rejoins the same
        rooms.
        """
        self.serveUsers()
        page = self.open()
        signIn(page, "Mina")
        offerPassword(page, "secret")
        joinRoom(page, "tea")
        page.reload()
        expect(page.get_by_text("A password is needed.")).to_be_visible()
        expect(page.get_by_label("Your name")).to_have_value("Mina")
        expect(page.get_by_role("textbox", name="Room")).to_have_value("tea")
        self.assertNotIn("secret", page.evaluate("JSON.stringify([localStorage, sessionStorage])"))
        offerPassword(page, "secret")
        expect(page.get_by_role("tab", selected=True)).to_have_text("tea")
        expect(page.get_by_role("tab")).to_have_count(2)


class ReloadTests(PageTestCase):
    def test_roomsAndDrafts(self) -> None:
        """
        A reloaded page rejoins the same rooms, shows the same room, and restores typed text; no
        other member sees a leave.
        """
        self.serveOn()
        eve = self.tcpClient("Eve")
        mina = self.enter("Mina")
        joinRoom(mina, "tea")
        mina.get_by_label("Message to tea").fill("half a sentence")
        mina.get_by_role("tab", name="dev").click()
        say(mina, "before")
        expectTexts(mina, ["before"])
        mina.get_by_label("Message to dev").fill("another")
        reload(mina)
        expect(mina.get_by_role("tab", selected=True)).to_have_text("dev")
        expectTexts(mina, ["before"])
        expect(mina.get_by_label("Message to dev")).to_have_value("another")
        mina.get_by_role("tab", name="tea").click()
        expect(mina.get_by_label("Message to tea")).to_have_value("half a sentence")
        eve.send(type="who", room="dev")
        while (event := eve.read())["type"] != "members":
            self.assertNotIn("Mina", event.get("left", []))
        self.assertEqual(event["members"], ["Eve", "Mina"])

    def test_silentConnection(self) -> None:
        """
        The reloaded page takes its name over from a connection that the server still holds.
        """
        self.serveOn()
        way = self.way()
        mina = self.enter("Mina", way.port)
        joinRoom(mina, "tea")
        way.deafen()
        way.forget()
        mina.reload()
        expect(mina.get_by_role("tab", selected=True)).to_have_text("tea")
        expect(mina.locator("#connection")).to_have_text("Online")
        say(mina, "here again")
        expect(mina.locator(".message:not(.pending) .text")).to_have_text("here again")
        expect(mina.get_by_role("tab")).to_have_text(["dev", "tea"])

    def test_copiedTab(self) -> None:
        """
        A duplicate of a tab in use does not take over its connection.
        """
        self.serveOn()
        mina = self.enter("Mina")
        kept = mina.evaluate("sessionStorage.getItem('machat.tab')")
        self.assertNotIn("session", json.loads(kept))
        copy = self.blank()
        store = f"sessionStorage.setItem('machat.tab', {json.dumps(kept)})"
        copy.add_init_script(f"if (location.host) {store}")  # not in an empty page
        copy.goto(f"http://127.0.0.1:{self.ws}/#dev")
        expect(copy.get_by_role("alert")).to_contain_text("is already in dev")
        expect(copy.get_by_role("button", name="Join again")).to_be_visible()
        say(mina, "still here")
        expect(mina.locator(".message:not(.pending)")).to_have_count(1)
        expect(mina.locator("#connection")).to_have_text("Online")

    def test_left(self) -> None:
        """
        Nothing is stored of rooms that the user has left, or of drafts in them.
        """
        self.serveOn()
        mina = self.enter("Mina")
        mina.get_by_label("Message to dev").fill("a secret thought")
        mina.get_by_role("button", name="Leave").click()
        mina.reload()
        expect(mina.get_by_label("Your name")).to_be_visible()
        self.assertEqual(mina.evaluate("sessionStorage.length"), 0)
        signIn(mina, "Mina")
        expect(mina.get_by_role("textbox", name="Message to")).to_have_value("")


class RestoredTests(PageTestCase):
    """
    A reloaded page before the server has answered.
    """

    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.page = self.blank()
        self.server = Server(self.page)
        self.joinDev(self.page)

    def reload(self) -> None:
        """
        Reload the page. The server does not answer.
        """
        self.server.hold()
        self.server.heard.clear()
        self.page.reload()
        expect(self.page.get_by_role("heading", name="dev")).to_be_visible()
        expect(self.page.get_by_text("Joining…")).to_be_visible()

    def test_sends(self) -> None:
        """
        The room is there at once, with the draft. A message that is sent before the room is joined
        waits for that, and is sent once, over the first WebSocket.
        """
        self.page.get_by_role("textbox", name="Message to").fill("a draft")
        self.reload()
        field = self.page.get_by_role("textbox", name="Message to dev")
        expect(field).to_have_value("a draft")
        expect(field).to_be_focused()
        opened = self.server.socket
        say(self.page, "early")
        expect(self.page.locator(".pending .text")).to_have_text("early")
        expect(self.page.locator(".pending .sender")).to_have_text("Mina")
        self.server.release()
        sent = self.server.await_("say")
        self.assertEqual(sent["text"], "early")
        self.server.message(1, "Mina", "early")
        self.server.tell(type="ack", id=sent["id"], room="dev", seq=1, duplicate=False)
        expectTexts(self.page, ["early"])
        expect(self.page.get_by_text("Joining…")).to_be_hidden()
        expect(self.page.get_by_role("button", name="1 here")).to_be_visible()
        self.assertIs(self.server.socket, opened)
        self.assertEqual([each["text"] for each in self.server.heard if "text" in each], ["early"])

    def test_refused(self) -> None:
        """
        If the server refuses the user, the form is back with the reason. The draft is kept for the
        room.
        """
        self.reload()
        say(self.page, "early")
        self.page.get_by_role("textbox", name="Message to dev").fill("a draft")
        self.server.password = "secret"
        self.server.release()
        expect(self.page.get_by_text("A password is needed.")).to_be_visible()
        expect(self.page.get_by_role("tab")).to_have_count(0)
        self.page.get_by_role("textbox", name="Password").fill("secret")
        self.page.get_by_role("button", name="Join").click()
        expect(self.page.get_by_role("tab")).to_have_text(["dev"])
        expect(self.page.get_by_role("textbox", name="Message to")).to_have_value("a draft")
        expect(self.page.locator(".pending .text")).to_have_text("early")


class EarlyTests(PageTestCase):
    def test_enterBeforeTheScripts(self) -> None:
        """
        A form that is submitted before the scripts are loaded is processed afterwards. The form is
        in the first 14,600 bytes of the document, which a server sends before the client
        acknowledges any of them (RFC 6928).
        """
        self.serveOn()
        page = self.blank()
        way = self.way()
        way.hold(before=14_600)
        page.goto(f"http://127.0.0.1:{way.port}/#dev", wait_until="commit")
        page.get_by_label("Your name").fill("Mina")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Join")).to_be_disabled()
        way.release()
        expect(page.get_by_role("tab")).to_have_text(["dev"])


class OfflineTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.theWay = self.way()

    def offline(self) -> Any:
        """
        @return: a page whose connection was interrupted
        """
        page = self.enter("Mina", self.theWay.port)
        self.theWay.block()
        expect(page.locator("#connection")).to_have_text("Offline")
        page.get_by_role("button", name="Join a room").click()
        page.get_by_role("dialog").get_by_label("Room").fill("tea")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("You will join when it is back")
        return page

    def test_joins(self) -> None:
        """
        A room that the user opens without a connection is joined after the reconnect.
        """
        page = self.offline()
        self.theWay.mend()
        lookAgain(page)
        expect(page.get_by_role("tab", selected=True)).to_have_text("tea")
        expect(page.get_by_role("dialog")).to_be_hidden()

    def test_cancelled(self) -> None:
        """
        The room is not joined if the user cancels meanwhile.
        """
        page = self.offline()
        page.get_by_role("button", name="Cancel").click()
        self.theWay.mend()
        lookAgain(page)
        expect(page.locator("#connection")).to_have_text("Online")
        say(page, "hello")
        expect(page.locator(".message:not(.pending)")).to_have_count(1)
        expect(page.get_by_role("tab")).to_have_text(["dev"])


class SleepTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn()
        self.theWay = self.way()
        self.page = self.blank()
        self.page.clock.install()
        self.sockets = Sockets(self.page)
        self.page.goto(f"http://127.0.0.1:{self.theWay.port}/#dev")
        signIn(self.page, "Mina")
        expect(self.page.locator("#connection")).to_have_text("Online")

    def test_wakesUp(self) -> None:
        """
        After a sleep in which the connection died, the page detects this within three seconds,
        whichever event it wakes up with.
        """
        pause(self.page)
        events = ("pageshow", "window"), ("online", "window"), ("visibilitychange", "document")
        for count, (event, target) in enumerate(events, 1):
            self.theWay.deafen()
            self.theWay.forget()
            self.page.clock.fast_forward(3_600_000)
            self.page.evaluate(f"{target}.dispatchEvent(new Event('{event}'))")
            self.page.clock.run_for(3_000)
            expect(self.page.locator("#connection")).not_to_have_text("Online")
            self.page.clock.run_for(2_000)
            expect(self.page.locator("#connection")).to_have_text("Online")
            self.assertEqual(self.sockets.opened, count + 1)

    def test_stays(self) -> None:
        """
        A connection that works is kept; one that has just received data is not even checked.
        """
        sent = self.sockets.sent
        sent.clear()
        lookAgain(self.page)
        self.assertEqual(sent, [])
        self.page.clock.fast_forward(5_000)
        lookAgain(self.page)
        while '{"type":"ping"}' not in sent:
            self.page.wait_for_timeout(10)
        say(self.page, "hello")
        expect(self.page.locator(".message:not(.pending)")).to_have_count(1)
        self.page.clock.run_for(10_000)
        expect(self.page.locator("#connection")).to_have_text("Online")
        self.assertEqual(self.sockets.opened, 1)

    def test_clockSetBack(self) -> None:
        """
        If the clock is set back by an hour during a reconnect delay, the page does not wait for an
        hour.
        """
        self.server.terminate()
        self.assertEqual(self.server.wait(), 0)
        expect(self.page.locator("#connection")).to_have_text("Offline")
        now = self.page.evaluate("Date.now()")
        self.page.clock.set_system_time(now / 1000 - 3_600)
        lookAgain(self.page)
        expect(self.page.locator("#when")).to_have_text(
            re.compile(r"^Trying again in [1-6]?\d s\.$")
        )

    def test_clockSetBackOnline(self) -> None:
        """
        If the clock is set back by an hour, a dead connection is still detected within 40 seconds.
        """
        now = self.page.evaluate("Date.now()")
        self.page.clock.set_system_time(now / 1000 - 3_600)
        self.theWay.deafen()
        self.page.clock.run_for(40_000)
        while self.sockets.opened < 2:  # it is replaced by another
            self.page.wait_for_timeout(10)


class ReasonTests(PageTestCase):
    """
    Proxies that prevent WebSockets.
    """

    def refused(self, old: bytes, new: bytes, *arguments: object) -> Any:
        """
        @return: a page whose requests are changed in transit, after an attempt to join
        """
        self.serveOn(*arguments)
        way = self.way(lambda data: data.replace(old.replace(b"PORT", str(way.port).encode()), new))
        page = self.open(way.port)
        signIn(page, "Mina")
        return page

    def test_host(self) -> None:
        """
        A proxy that changes the Host is detected: the page shows the reason and the remedy, and
        does not try again.
        """
        page = self.refused(b"Host: 127.0.0.1:PORT", b"Host: localhost:1")
        said = page.locator("#signin-said.wrong")
        expect(said).to_contain_text("Host")
        expect(said).to_contain_text("--origin")
        sockets = Sockets(page)
        page.get_by_role("button", name="Join").click()
        expect(said).to_contain_text("Host")
        self.assertEqual(sockets.opened, 1)

    def test_http10(self) -> None:
        """
        A proxy that uses HTTP/1.0 is detected too.
        """
        page = self.refused(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n")
        expect(page.locator("#signin-said.wrong")).to_contain_text("HTTP/1.0")

    def test_noUpgrade(self) -> None:
        """
        A proxy that does not forward the upgrade is suspected after a second failure, and the page
        continues to try.
        """
        page = self.refused(b"Upgrade: websocket\r\n", b"")
        expect(page.locator("#signin-said")).to_contain_text("Upgrade", timeout=PATIENT)
        expect(page.locator("#signin-said")).to_contain_text("Trying again in")

    def test_elsewhere(self) -> None:
        """
        If something other than a chat server answers, the page describes the answer.
        """
        self.serveOn()
        page = self.blank()
        page.route("**/mychat?*", lambda route: route.fulfill(status=404, body="<p>no</p>"))
        page.add_init_script(FAILS)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        expect(page.locator("#signin-said.wrong")).to_contain_text(
            "no MaChat server at /mychat (404"
        )

    def test_serverThatIsDown(self) -> None:
        """
        While the server cannot be reached, the page opens no WebSocket, because some browsers
        delay further ones after failures; when it is reachable, the page reconnects.
        """
        self.serveOn()
        way = self.way()
        mina = self.enter("Mina", way.port)
        way.block()
        expect(mina.locator("#why")).to_contain_text("The server cannot be reached")
        sockets = Sockets(mina)
        lookAgain(mina)
        mina.get_by_role("button", name="Try now").click()
        waitFor(mina, "() => document.querySelector('#connection').textContent === 'Offline'")
        self.assertEqual(sockets.opened, 0)
        way.mend()
        lookAgain(mina)
        expect(mina.locator("#connection")).to_have_text("Online")
        self.assertEqual(sockets.opened, 1)
