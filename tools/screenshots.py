"""
Take screenshots of the page on a real server with a few users::

    python -m tools.screenshots DIRECTORY

The files are C{side-by-side.png} (the page and a terminal), C{desktop.png}, C{dark.png},
C{phone.png}, C{signin.png}, C{disconnected.png} and C{gap.png}; and C{mention}, C{settings},
C{keys}, C{jump} and C{german} at four widths, light and dark. The colours of the terminal need
C{rich}.
"""

from __future__ import annotations

import sys
import unittest
from base64 import b64encode
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.browser import PageTestCase, Way, expect, lookAgain, say, signIn
from tests.processes import BIN, RawClient
from tests.terminal import Terminal
from tools.twonodes import exchange

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

#: The conversation between Mina on the page and Grace in a terminal.
BOTH = [
    ("Mina", "Is the release out?"),
    ("Grace", "Ten minutes ago. No errors so far."),
    ("Mina", "Then I will tell support."),
    ("Grace", "The docs are at https://example.org/docs"),
    ("Grace", "Coffee?"),
    ("Mina", "On my way."),
]

#: Two windows next to each other, on a white background.
WINDOWS = """
<style>
  body { margin: 0; padding: 14px; display: flex; gap: 14px; background: #fff; }
  div { border-radius: 8px; overflow: hidden; box-shadow: 0 0 0 1px #0003, 0 3px 10px #0003; }
  p { margin: 0; padding: 6px 12px; font: 13px sans-serif; color: #555; background: #e4e4e4; }
  pre { margin: 0; padding: 10px 12px; height: 454px; width: 496px; overflow: hidden;
        font: 14px/19px monospace; color: #d9d9d9; background: #0c0c0c; }
  img { display: block; width: 620px; }
</style>
<div><p>http://localhost:8099/</p><img src="data:image/png;base64,%s"></div>
<div><p>machat --client Grace --room dev</p>%s</div>
"""

#: The colours of a terminal: background, foreground, the eight normal and the eight bright ones.
COLOURS = TerminalTheme(
    *((12, 12, 12), (217, 217, 217)),
    [(0, 0, 0), (224, 82, 82), (84, 184, 84), (212, 176, 74)]
    + [(92, 148, 232), (190, 120, 210), (84, 190, 190), (217, 217, 217)],
    [(150, 150, 150), (240, 110, 110), (110, 214, 110), (240, 206, 100)]
    + [(120, 170, 250), (215, 145, 235), (110, 215, 215), (255, 255, 255)],
)

DESKTOP = {"width": 1100, "height": 700}
HALF = {"width": 620, "height": 472}
PHONE = {"width": 375, "height": 720}


class Screenshots(PageTestCase):
    """
    Runs a server with a few users, and takes the screenshots.
    """

    directory = Path()

    def runTest(self) -> None:
        """
        Take all screenshots.
        """
        self.serveOn()
        self.sideBySide()
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
        self.choices()

    def choices(self) -> None:
        """
        A mention, the dialogs, and the page in German, at several widths.
        """
        for width, scheme in product((390, 768, 1280, 1920), ("light", "dark")):
            viewport = {"width": width, "height": 800}
            look = f"{width}-{scheme}"
            page = self.enter("Mina", viewport=viewport, color_scheme=scheme)
            self.speak("Grace", "@Mina, staging is free after four.")
            expect(page.get_by_text("free after four").last).to_be_visible()
            self.take(page, f"mention-{look}")
            page.get_by_role("button", name="Settings").click()
            self.take(page, f"settings-{look}")
            for keys, name in (("Control+/", "keys"), ("Control+k", "jump")):
                page.keyboard.press("Escape")
                page.keyboard.press(keys)
                self.take(page, f"{name}-{look}")
            page.close()
            german = self.open(viewport=viewport, color_scheme=scheme, locale="de-DE")
            german.get_by_label("Dein Name").fill("Mina")
            german.get_by_role("button", name="Beitreten").click()
            expect(german.get_by_role("tab")).to_have_count(1)
            german.get_by_role("button", name="Einstellungen").click()
            self.take(german, f"german-{look}")
            german.close()

    def sideBySide(self) -> None:
        """
        Two users in one room, one on the page and one in a terminal.
        """
        command = f"{BIN}/machat --client Grace --room dev --address localhost:{self.tcp}"
        terminal = Terminal(self, command, columns=58, rows=24)
        terminal.awaitScreen("dev: 1 here")
        page = self.enter("Mina", viewport=HALF, color_scheme="light")
        terminal.awaitScreen("dev: 2 here")
        for name, text in BOTH:
            exchange(page, terminal, name, text)
        page.get_by_label("Message to dev").focus()
        page.mouse.move(2, 2)
        page.wait_for_timeout(300)
        picture = b64encode(page.screenshot()).decode()
        both = self.blank(viewport={"width": 1182, "height": 529})
        both.set_content(WINDOWS % (picture, coloured(terminal)))
        self.take(both, "side-by-side")

    def speak(self, name: str, text: str) -> None:
        """
        Send a message as one of the users, and wait for its acknowledgement.
        """
        self.count += 1
        self.people[name].send(type="say", text=text, id=str(self.count))
        self.people[name].await_("ack")

    def mina(self, way: int | None = None, **options: Any) -> Any:
        """
        @return: Mina's page, with two rooms and unread messages in one of them
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
        The page disconnects. It reconnects after the store has dropped some messages.
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
        page.close()

    def take(self, page: Any, name: str) -> None:
        """
        Write one screenshot.
        """
        page.mouse.move(2, 2)
        page.wait_for_timeout(300)  # until transitions are over
        page.screenshot(path=self.directory / f"{name}.png")


def coloured(terminal: Terminal) -> str:
    """
    @return: the screen of the terminal as HTML
    """
    console = Console(record=True, file=StringIO(), width=200)
    console.print(Text.from_ansi(terminal.tmux("capture-pane", "-e", "-p")))
    return console.export_html(theme=COLOURS, inline_styles=True, code_format="<pre>{code}</pre>")


def main() -> int:
    """
    @return: the exit status
    """
    Screenshots.directory = Path(sys.argv[1])
    Screenshots.directory.mkdir(parents=True, exist_ok=True)
    return 0 if unittest.TextTestRunner().run(Screenshots()).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
