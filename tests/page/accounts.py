"""
Support for tests of the page with a server that has accounts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser import HIDE, PageTestCase, expect
from tests.page.test_tokens import SECRET, Endpoint
from tests.processes import RawClient


class AccountsTestCase(PageTestCase):
    """
    The site knows the users, and every name has an account.
    """

    def setUp(self) -> None:
        super().setUp()
        secret = Path(self.mktemp())
        secret.write_text(SECRET)
        auth = ("--auth", f"jwt:keyfile={secret}", "--page-token-url", "/chat-token")
        self.serveOn(*auth, "--rate", "off")

    def user(self, name: str, room: str = "dev", port: int | None = None, **options: Any) -> Any:
        """
        @return: a page that has joined a room
        """
        page = self.blank(**options)
        page.add_init_script(HIDE)
        Endpoint(page, name)
        page.goto(f"http://127.0.0.1:{port or self.ws}/#{room}")
        expect(page.get_by_role("tab", selected=True)).to_contain_text(room)
        return page

    def raw(self, name: str, room: str | None = "dev") -> RawClient:
        """
        @return: a client over TCP
        """
        client = RawClient(self.tcp)
        self.addCleanup(client.close)
        client.send(v=1, name=name, token=Endpoint.token(name), presence=False)
        client.await_("welcome")
        if room is not None:
            client.send(type="join", room=room)
            client.await_("joined")
        return client

    def said(self, client: RawClient, text: str, **where: str) -> int:
        """
        Send a message, and wait until it is stored.

        @return: its number
        """
        client.send(type="say", text=text, id=text, **where)
        return int(client.await_("ack")["seq"])


def tab(page: Any, name: str) -> Any:
    """
    @return: the tab of a room
    """
    return page.get_by_role("tab").filter(has=page.locator(f"bdi:text-is('{name}')"))


def openMember(page: Any, name: str) -> None:
    """
    Open the menu of a member.
    """
    page.get_by_role("complementary").get_by_role("button", name=name, exact=True).click()
