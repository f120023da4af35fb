"""
Take screenshots of a conversation on the page, with replies, an edit, a removal and reactions, of
the menus for moderators, of the list of rooms, of suggestions and emoji, of a search, and of a
direct conversation::

    python -m tools.talkshots DIRECTORY

The files are C{thread}, C{menu}, C{mute}, C{emoji}, C{names}, C{commands}, C{search},
C{moderation}, C{rooms}, C{arrived}, C{conversation}, C{block} and C{blocked}, each at four widths,
light and dark.
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.browser import PageTestCase, expect, say
from tests.page.test_tokens import SECRET, Endpoint
from tests.processes import RawClient

#: The senders and the contents of the messages.
TALK: list[tuple[str, dict[str, Any]]] = [
    ("Ada", {"text": "Is the build on staging?"}),
    ("Grace", {"text": "Since eight. Run `make check` before you merge:", "reply": 1}),
    ("Grace", {"text": "```sh\nmake check\nmake install PREFIX=/opt/importer\n```"}),
    ("Build", {"text": "", "data": {"kind": "build", "ok": True, "tests": 1200}}),
    ("Ada", {"text": "The password of the importer is swordfish"}),
    ("Grace", {"text": "Ada, please change it.", "reply": 5}),
    ("Linus", {"text": "I can take the checksum.\nIt is the code of the importer."}),
]

#: The changes of the messages.
CHANGES: list[tuple[str, dict[str, Any]]] = [
    (
        "Grace",
        {"type": "edit", "target": 2, "text": "Since nine. Run `make check` before you merge:"},
    ),
    ("Ada", {"type": "redact", "target": 5, "reason": "a password"}),
    ("Ada", {"type": "react", "target": 7, "emoji": "\u2764\ufe0f"}),
    ("Grace", {"type": "react", "target": 7, "emoji": "\u2764\ufe0f"}),
    ("Grace", {"type": "react", "target": 7, "emoji": "\u2705"}),
]


class TalkShots(PageTestCase):
    """
    Runs a server with accounts, and takes the screenshots as a moderator.
    """

    directory = Path()

    def runTest(self) -> None:
        """
        Take all screenshots.
        """
        for scheme in ("light", "dark"):
            self.converse()
            for width, typist in zip((390, 768, 1280, 1920), self.people, strict=True):
                self.page(width, scheme, typist)

    def converse(self) -> None:
        """
        Start a server, and send all messages and changes.
        """
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        secret = Path(folder.name) / "secret"
        secret.write_text(SECRET)
        auth = ("--auth", f"jwt:keyfile={secret}", "--page-token-url", "/chat-token")
        self.serveOn(*auth, "--list-rooms", "*", "--rate", "off")
        self.people: dict[str, RawClient] = {}
        self.count = 0
        for name, fields in TALK:
            self.send(name, type="say", **fields)
        for name, fields in CHANGES:
            self.send(name, **fields)
        for room in ("support", "releases", "tea"):
            self.send("Linus", type="join", room=room)
            self.send("Linus", type="topic", room=room, text=f"All about {room}")

    def send(self, name: str, **command: Any) -> None:
        """
        Send a command as one of the users, and wait for the answer.
        """
        if name not in self.people:
            client = self.people[name] = RawClient(self.tcp)
            self.addCleanup(client.close)
            token = Endpoint.token(name, mod=True)
            client.send(v=1, name=name, token=token, room="dev", presence=False)
            client.await_("joined")
        self.count += 1
        self.people[name].send(id=str(self.count), **{"room": "dev", **command})
        answers = {"join": "joined", "topic": "done"}
        self.people[name].await_(answers.get(command["type"], "ack"))

    def page(self, width: int, scheme: str, typist: str) -> None:
        """
        Take the screenshots at one width.

        @param typist: another user each time, because the server drops notices in quick succession
        """
        phone = width < 600
        viewport = {"width": width, "height": 844 if phone else 800}
        page = self.blank(viewport=viewport, color_scheme=scheme, has_touch=phone)
        Endpoint(page, "Mina", mod=True)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        expect(page.locator(".chip")).to_have_count(2)
        self.people[typist].send(type="typing", room="dev")
        expect(page.locator(".typing:visible")).to_have_count(1)
        self.look = f"{width}-{scheme}"
        self.take(page, "thread")
        page.locator(".menu-button").last.focus()
        page.keyboard.press("Enter")
        self.take(page, "menu")
        page.get_by_role("menuitem", name="Mute Linus").click()
        self.take(page, "mute")
        page.keyboard.press("Escape")
        page.locator(".menu-button").last.focus()
        page.keyboard.press("Enter")
        page.get_by_role("menuitem", name="Another reaction…").click()
        expect(page.get_by_role("button", name="rocket ship")).to_be_visible()
        self.take(page, "emoji")
        page.keyboard.press("Escape")
        self.compose(page)
        if not page.get_by_role("button", name="Moderation…").is_visible():
            page.get_by_role("button", name=" here").click()
        page.get_by_role("button", name="Moderation…").click()
        expect(page.get_by_text("There are no mutes or bans.")).to_be_visible()
        self.take(page, "moderation")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Join a room").click()
        expect(page.get_by_role("listitem").get_by_text("tea", exact=True)).to_be_visible()
        self.take(page, "rooms")
        page.keyboard.press("Escape")
        self.talkTo(page, typist)
        page.close()

    def talkTo(self, page: Any, name: str) -> None:
        """
        Take the screenshots of a direct conversation with a user.
        """
        for text in ("Are you at lunch?", "We have a table at `12:30`.", "Linus comes too."):
            self.send(name, type="say", room=None, to="Mina", text=text)
        tab = page.get_by_role("tab", name=f"{name} (private)")
        expect(tab.locator(".count")).to_have_text("3")
        self.take(page, "arrived")
        tab.click()
        page.get_by_role("textbox", name="Message to").fill("Coming in five minutes!")
        self.take(page, "conversation")
        page.locator(".menu-button").last.focus()
        page.keyboard.press("Enter")
        page.get_by_role("menuitem", name=f"Block {name}").click()
        self.take(page, "block")
        page.get_by_role("dialog").get_by_role("button", name="Block").click()
        expect(page.get_by_role("button", name="Unblock")).to_be_visible()
        self.take(page, "blocked")

    def compose(self, page: Any) -> None:
        """
        Take the screenshots of suggestions and of a search.
        """
        field = page.get_by_role("textbox", name="Message to dev")
        for typed, name in (("@", "names"), ("/", "commands")):
            field.press_sequentially(typed)
            expect(page.get_by_role("listbox")).to_be_visible()
            self.take(page, name)
            field.fill("")
        say(page, "/search make")
        expect(page.get_by_text("found", exact=False)).to_be_visible()
        self.take(page, "search")
        page.keyboard.press("Escape")

    def take(self, page: Any, name: str) -> None:
        """
        Write one screenshot.
        """
        for client in self.people.values():
            client.send(type="ping")  # so that it stays connected
        page.wait_for_timeout(300)  # until transitions are over
        page.screenshot(path=self.directory / f"{name}-{self.look}.png")


def main() -> int:
    """
    @return: the exit status
    """
    TalkShots.directory = Path(sys.argv[1]).absolute()
    TalkShots.directory.mkdir(parents=True, exist_ok=True)
    return 0 if unittest.TextTestRunner().run(TalkShots()).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
