"""
Pictures of the page, of a real server with a few people::

    python -m tests.screenshots DIRECTORY

They are C{desktop.png}, C{dark.png}, C{phone.png}, C{signin.png}, C{disconnected.png} and
C{gap.png}.
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

from tests.browser import PageTestCase, Way, expect, lookAgain, say, signIn
from tests.processes import RawClient

TALK = [
    ("Ada", "Morning! The new build is on staging since eight."),
    ("Ada", "Notes are at https://example.org/releases/2.4 as always."),
    ("Grace", "Thanks. I see the upload bug is gone, nice."),
    (
        "Linus",
        "Not for files above 2 GB: the bar stays at 99 %. Only in Firefox, as far as I can tell.",
    ),
    (
        "Grace",
        "Same here, but it comes through in the end. Look at the time between the last two lines:",
    ),
    ("Grace", "12:00:01.482 PUT /blob/7f3a 201   12:00:44.019 POST /commit 200"),
    (
        "Ada",
        "That is the checksum. We do it in one go at the end, it should go along with the upload.",
    ),
    ("Linus", "I can take that, it is the same code as in the importer."),
    ("Ada", "\u0645\u0631\u062d\u0628\u0627 \u0648\u0634\u0643\u0631\u0627"),
    ("Grace", "And somebody has to tell the people in #support before they ask \N{GRINNING FACE}"),
]

MINE = ["I will write to support.", "Is staging all right for a demo at two, Ada?"]

DESKTOP = {"width": 1100, "height": 700}
PHONE = {"width": 375, "height": 720}


class Screenshots(PageTestCase):
    """
    A few people, a page, and a camera.
    """

    directory = Path()

    def runTest(self) -> None:
        """
        Take all pictures.
        """
        self.serveOn("--log-messages", "12")
        self.people = {name: self.tcpClient(name) for name in ("Ada", "Grace", "Linus")}
        self.count, self.mine = 0, list(MINE)
        for name, text in TALK:
            self.speak(name, text)
        self.take(self.open(viewport=DESKTOP), "signin")
        for scheme, name in (("light", "desktop"), ("dark", "dark")):
            page = self.mina(viewport=DESKTOP, color_scheme=scheme)
            self.take(page, name)
            page.close()
        phone = self.mina(viewport=PHONE, color_scheme="light", device_scale_factor=2)
        self.take(phone, "phone")
        phone.close()
        self.loses(self.way())

    def speak(self, name: str, text: str) -> None:
        """
        Have somebody say something.
        """
        self.count += 1
        self.people[name].send(type="say", text=text, id=str(self.count))
        self.people[name].await_("ack")

    def mina(self, way: int | None = None, **options: Any) -> Any:
        """
        @return: Mina's page, with two rooms
        """
        page = self.open(way, **options)
        signIn(page, "Mina")
        expect(page.get_by_role("tab")).to_have_count(1)
        page.get_by_role("button", name="Join a room").click()
        page.get_by_role("dialog").get_by_label("Room").fill("support")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tab")).to_have_count(2)
        page.get_by_role("tab", name="dev").click()
        while self.mine:
            say(page, self.mine.pop(0))
        expect(page.locator(".message:not(.pending) .text").last).to_have_text(MINE[-1])
        visitor = RawClient(self.tcp)
        visitor.send(v=1, name="Zo\u00eb", room="support")
        visitor.await_("joined")
        for number in range(3):
            visitor.send(type="say", text=f"question {number}")
        expect(page.get_by_role("tab", name="support 3 unread messages")).to_be_visible()
        visitor.close()
        page.get_by_label("Message to dev").focus()
        return page

    def loses(self, way: Way) -> None:
        """
        The connection is lost, and comes back when some messages are gone for good.
        """
        page = self.mina(way.port, viewport=DESKTOP, color_scheme="light")
        way.block()
        expect(page.locator("#connection")).to_have_text("Offline")
        say(page, "I am on a train, the network comes and goes.")
        expect(page.locator(".pending")).to_have_count(1)
        self.take(page, "disconnected")
        for number in range(30):
            self.speak("Linus", f"Chunk {number} of the importer is through.")
        way.mend()
        lookAgain(page)
        expect(page.locator(".divider.gap")).to_be_visible()
        expect(page.locator(".pending")).to_have_count(0)
        page.locator(".divider.gap").evaluate("(gap) => gap.scrollIntoView({ block: 'center' })")
        self.take(page, "gap")

    def take(self, page: Any, name: str) -> None:
        """
        Write one picture.
        """
        page.mouse.move(2, 2)
        page.wait_for_timeout(300)  # for what fades
        page.screenshot(path=self.directory / f"{name}.png")


def main() -> int:
    """
    @return: the exit status
    """
    Screenshots.directory = Path(sys.argv[1])
    Screenshots.directory.mkdir(parents=True, exist_ok=True)
    return 0 if unittest.TextTestRunner().run(Screenshots()).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
