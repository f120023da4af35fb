"""
The example of a single-page application of another origin, which uses the npm package.
"""

from __future__ import annotations

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from tests.browser import PageTestCase, expect
from tests.processes import ROOT
from tests.webserver import Quiet, serveRequests
from tools import npm


class Files(Quiet, SimpleHTTPRequestHandler):
    """
    Serves the files of a folder.
    """


def serveFolder(case: PageTestCase, folder: Path) -> int:
    """
    @return: the port of a server for the files of this folder
    """
    return serveRequests(case, partial(Files, directory=str(folder)))


class ApplicationTests(PageTestCase):
    def _told(self, message: object) -> None:
        if "favicon" not in str(getattr(message, "location", "")):
            super()._told(message)

    def test_rooms(self) -> None:
        """
        The client stays in its rooms while the user changes the view. A view shows the earlier
        messages, and then each new message once.
        """
        folder = Path(self.mktemp())
        shutil.copytree(ROOT / "examples" / "spa", folder)
        package = folder / "node_modules" / "machat-client"
        package.mkdir(parents=True)
        npm.copy(package)
        port = serveFolder(self, folder)
        self.serveOn("--origin", f"http://localhost:{port}")
        index = folder / "index.html"
        index.write_text(index.read_text().replace("localhost:8099", f"127.0.0.1:{self.ws}"))
        eve = self.tcpClient("Eve")
        eve.send(type="say", text="before", id="1")
        eve.await_("ack")
        page = self.blank()
        page.goto(f"http://localhost:{port}/#/rooms/dev")
        expect(page.get_by_role("listitem")).to_have_text(["Eve: before"])
        expect(page.get_by_role("status")).to_have_text("online")
        page.get_by_label("Message to dev").press_sequentially("hello")
        page.get_by_label("Message to dev").press("Enter")
        expect(page.get_by_role("listitem")).to_have_text(["Eve: before", "Mina: hello"])
        page.get_by_role("link", name="tea").click()
        expect(page.get_by_label("Message to tea")).to_be_visible()
        expect(page.get_by_role("listitem")).to_have_count(0)
        eve.send(type="say", text="meanwhile")
        expect(page.locator("#unread")).to_have_text("dev")
        page.get_by_role("link", name="dev").click()
        wanted = ["Eve: before", "Mina: hello", "Eve: meanwhile"]
        expect(page.get_by_role("listitem")).to_have_text(wanted)
        eve.send(type="say", text="after")
        expect(page.get_by_role("listitem")).to_have_text([*wanted, "Eve: after"])
        expect(page.locator("#unread")).to_have_text("")
