"""
Take screenshots of a conversation on the page, with replies, an edit, a removal and reactions, of
the menus for moderators, and of the list of rooms::

    python -m tools.talkshots DIRECTORY

The files are C{thread}, C{menu}, C{mute}, C{moderation} and C{rooms}, each at four widths.
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

from tests.browser import PageTestCase, expect
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
        secret = self.directory / "secret"
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
        widths = ((390, "light"), (768, "dark"), (1280, "light"), (1920, "dark"))
        for (width, scheme), typist in zip(widths, self.people, strict=True):
            self.page(width, scheme, typist)

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
        expect(page.locator(".typing")).to_be_visible()
        self.take(page, f"thread-{width}")
        page.locator(".menu-button").last.focus()
        page.keyboard.press("Enter")
        self.take(page, f"menu-{width}")
        page.get_by_role("menuitem", name="Mute Linus").click()
        self.take(page, f"mute-{width}")
        page.keyboard.press("Escape")
        if not page.get_by_role("button", name="Moderation…").is_visible():
            page.get_by_role("button", name=" here").click()
        page.get_by_role("button", name="Moderation…").click()
        expect(page.get_by_text("There are no mutes or bans.")).to_be_visible()
        self.take(page, f"moderation-{width}")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Join a room").click()
        expect(page.get_by_role("listitem").get_by_text("tea", exact=True)).to_be_visible()
        self.take(page, f"rooms-{width}")
        page.close()

    def take(self, page: Any, name: str) -> None:
        """
        Write one screenshot.
        """
        page.wait_for_timeout(300)  # until transitions are over
        page.screenshot(path=self.directory / f"{name}.png")


def main() -> int:
    """
    @return: the exit status
    """
    TalkShots.directory = Path(sys.argv[1]).absolute()
    TalkShots.directory.mkdir(parents=True, exist_ok=True)
    return 0 if unittest.TextTestRunner().run(TalkShots()).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
