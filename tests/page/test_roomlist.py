"""
Browser tests of the page: the list of rooms, and rooms that need a key.
"""

from __future__ import annotations

from typing import Any

from tests.browser import PageTestCase, expect, expectTexts, say, signIn


class RoomListTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serveOn("--list-rooms", "*")

    def test_linked(self) -> None:
        """
        A room after a number sign is a link that joins the room, but not the number of an issue, a
        colour, a part of a word, or the end of an address.
        """
        mina = self.enter("Mina")
        say(mina, "#12 #fff x#y https://example.org/#a: ask in #d\u00e9cor, please. #d\u00e9cor-2")
        links = mina.locator(".text a")
        names = ["https://example.org/#a", "#d\u00e9cor", "#d\u00e9cor-2"]
        expect(links).to_have_text(names)
        links.nth(1).click()
        expect(mina.get_by_role("tab", selected=True)).to_have_text("d\u00e9cor")
        mina.get_by_role("tab", name="dev").click()
        links.nth(1).click()
        expect(mina.get_by_role("tab", selected=True)).to_have_text("d\u00e9cor")
        expect(mina.get_by_role("tab")).to_have_count(2)

    def keyed(self) -> Any:
        """
        @return: the client that has created the room C{club} and set its key
        """
        ada = self.tcpClient("Ada", "club")
        ada.send(type="key", key="open sesame", id="1")
        ada.await_("done")
        return ada

    def test_list(self) -> None:
        """
        The dialog for joining a room lists the rooms with their members and topics. The typed text
        filters them, and a click joins one.
        """
        for name, room in (("Ada", "tea"), ("Bob", "tea-house"), ("Eve", "coffee")):
            self.tcpClient(name, room)
        mina = self.enter("Mina")
        mina.get_by_role("button", name="Join a room").click()
        dialog = mina.get_by_role("dialog")
        rooms = dialog.get_by_role("listitem").get_by_role("button")
        expected = ["coffee1 here", "dev1 here", "tea1 here", "tea-house1 here"]
        expect(rooms).to_have_text(expected)
        dialog.get_by_label("Room").fill("#TEA")
        expect(rooms).to_have_text(expected[2:])
        rooms.last.click()
        expect(mina.get_by_role("tab", selected=True)).to_have_text("tea-house")
        expect(dialog).to_have_count(0)
        mina.get_by_role("button", name="Join a room").click()
        expect(rooms.last).to_have_text("tea-house2 here")

    def test_key(self) -> None:
        """
        The page asks for the key of a room, shows that a key is wrong, and gives the right one
        again when it reconnects. The key is not stored.
        """
        ada = self.keyed()
        way = self.way()
        mina = self.enter("Mina", way.port)
        mina.get_by_role("button", name="Join a room").click()
        mina.get_by_role("button", name="club needs a key").click()
        dialog = mina.get_by_role("dialog", name="The room club needs a key")
        dialog.get_by_label("Key").fill("wrong")
        mina.keyboard.press("Enter")
        expect(dialog.get_by_role("status")).to_have_text("Wrong key.")
        dialog.get_by_label("Key").fill("open sesame")
        mina.keyboard.press("Enter")
        expect(mina.get_by_role("tab", selected=True)).to_have_text("club")
        kept = mina.evaluate("JSON.stringify([localStorage, sessionStorage])")
        self.assertNotIn("sesame", kept)
        way.cut()
        say(mina, "back again")
        way.lead(self.ws)
        mina.evaluate("dispatchEvent(new Event('online'))")
        while ada.await_("message")["from"] != "Mina":
            pass
        expectTexts(mina, ["back again"])

    def test_signIn(self) -> None:
        """
        The first room can need a key too; without it, the form shows the reason.
        """
        self.keyed()
        mina = self.open(room="club")
        signIn(mina, "Mina")
        dialog = mina.get_by_role("dialog")
        expect(dialog.get_by_label("Key")).to_be_focused()
        mina.keyboard.press("Escape")
        expect(mina.locator("#signin-said")).to_have_text("That room requires a key.")
        signIn(mina, "Mina")
        dialog.get_by_label("Key").fill("open sesame")
        mina.keyboard.press("Enter")
        expect(mina.get_by_role("tab")).to_have_text(["club"])
