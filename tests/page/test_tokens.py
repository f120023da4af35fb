"""
Browser tests of the page when it gets the user's name and token from the site of the operator.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt

from tests.browser import PageTestCase, Way, expect, say

SECRET = "0123456789abcdef0123456789abcdef"


class Endpoint:
    """
    The token endpoint of the site, which answers requests of a page.

    @ivar name: the name of the user who is logged in
    @ivar status: the status of the answers
    @ivar body: the body of the answers; C{None}: a name and a token
    @ivar seconds: the time in which a token expires
    @ivar claims: further claims of the tokens
    @ivar requests: the number of requests
    """

    def __init__(self, page: Any, name: str = "Mina", **claims: object) -> None:
        self.name = name
        self.claims = claims
        self.status = 200
        self.body: str | None = None
        self.seconds = 3600
        self.requests = 0
        page.route("**/chat-token", self._answer)

    def _answer(self, route: Any) -> None:
        self.requests += 1
        token = self.token(self.name, self.seconds, **self.claims)
        body = json.dumps({"name": self.name, "token": token})
        route.fulfill(status=self.status, body=body if self.body is None else self.body)

    @staticmethod
    def token(name: str, seconds: int = 3600, **claims: object) -> str:
        """
        @return: a token with further claims
        """
        whole = {"sub": name, "exp": int(time.time()) + seconds, **claims}
        return jwt.encode(whole, SECRET, "HS256")

    def logOut(self) -> None:
        """
        Answer that the user is not logged in.
        """
        self.status = 401
        self.body = json.dumps({"text": "please log in first", "login": "/login?next=chat"})

    def logIn(self) -> None:
        """
        Answer with tokens again.
        """
        self.status, self.body = 200, None


class TokenTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        secret = Path(self.mktemp())
        secret.write_text(SECRET)
        auth = ("--auth", f"jwt:keyfile={secret}", "--page-token-url", "/chat-token")
        self.serveOn(*auth)
        self.page = self.blank()
        self.endpoint = Endpoint(self.page)

    def _told(self, message: Any) -> None:
        if "status of 40" not in message.text and "status of 50" not in message.text:
            super()._told(message)

    def enter_(self, way: Way | None = None, room: str = "#dev") -> None:
        """
        Open the page.
        """
        self.page.goto(f"http://127.0.0.1:{way.port if way else self.ws}/{room}")

    def expectWrong(self, text: str) -> None:
        """
        Wait until the sign-in form shows this reason.
        """
        expect(self.page.locator("#signin-said.wrong")).to_have_text(text)

    def test_enters(self) -> None:
        """
        A user of the site joins the room in the address without a form, and without one in the
        address chooses only a room. A reload keeps the rooms.
        """
        self.enter_()
        expect(self.page.get_by_role("tab", selected=True)).to_have_text("dev")
        expect(self.page.locator("#me")).to_have_text("Mina")
        self.page.reload()
        expect(self.page.get_by_role("tab", selected=True)).to_have_text("dev")
        say(self.page, "hello")
        expect(self.page.locator(".message:not(.pending)")).to_have_count(1)
        self.page.get_by_role("button", name="Leave").click()
        self.enter_(room="")
        self.page.reload()
        expect(self.page.get_by_label("Your name")).to_have_value("Mina")
        self.assertFalse(self.page.get_by_label("Your name").is_editable())
        self.page.get_by_role("textbox", name="Room").fill("tea")
        self.page.get_by_role("button", name="Join").click()
        expect(self.page.get_by_role("tab", selected=True)).to_have_text("tea")
        self.assertEqual(self.page.evaluate("localStorage.getItem('machat.name')"), None)

    def test_renewed(self) -> None:
        """
        The page requests a new token before the last one expires, and for each connection.
        """
        way = self.way()
        self.endpoint.seconds = 10
        with self.page.expect_request(lambda _: self.endpoint.requests >= 2):
            self.enter_(way)  # identifies the user, connects, and renews the token at once
        expect(self.page.locator("#connection")).to_have_text("Online")
        self.endpoint.seconds = 3600
        with self.page.expect_request("**/chat-token"):
            way.cut()
        expect(self.page.locator("#connection")).to_have_text("Online")

    def test_loggedOut(self) -> None:
        """
        A user who is not logged in sees the reason and a link to the login, and can join
        afterwards.
        """
        self.endpoint.logOut()
        self.enter_()
        self.expectWrong("Please log in first.")
        expect(self.page.get_by_label("Your name")).to_be_hidden()
        link = self.page.get_by_role("link", name="Log in")
        expect(link).to_have_attribute("href", f"http://127.0.0.1:{self.ws}/login?next=chat")
        self.endpoint.logIn()
        self.page.get_by_role("button", name="Join").click()
        expect(self.page.get_by_role("tab", selected=True)).to_have_text("dev")
        expect(link).to_be_hidden()

    def test_loggedOutLater(self) -> None:
        """
        If the user has logged out, or another user has logged in, the page does not connect again,
        and shows the reason, until the first user is back.
        """
        way = self.way()
        self.enter_(way)
        expect(self.page.locator("#connection")).to_have_text("Online")
        self.endpoint.logOut()
        way.cut()
        expect(self.page.locator("#why")).to_have_text("Please log in first.")
        expect(self.page.locator("#connection")).to_have_text("Ended")
        expect(self.page.locator("#login")).to_be_visible()
        self.endpoint.logIn()
        self.endpoint.name = "Ada"
        self.page.get_by_role("button", name="Connect again").click()
        expect(self.page.locator("#why")).to_have_text(
            "You are logged in as Ada now: reload the page."
        )
        expect(self.page.locator("#login")).to_be_hidden()
        self.endpoint.name = "mina"
        self.page.get_by_role("button", name="Connect again").click()
        expect(self.page.locator("#connection")).to_have_text("Online")

    def test_reasons(self) -> None:
        """
        If there is no token for another reason, the page shows it, and no link to the login.
        """
        url = f"http://127.0.0.1:{self.ws}/chat-token"
        nothing = f"There is no name and token at {url} ("
        for status, body, reason in (
            (503, "", "The server of the logins answers 503."),
            (404, "not found", f"{nothing}404)."),
            (200, "<html>", f"{nothing}200)."),
            (200, '{"name": "Mina"}', f"{nothing}200)."),
            (403, "forbidden", "You are not logged in."),
            (401, '{"login": "javascript:alert(1)"}', "You are not logged in."),
        ):
            self.endpoint.status, self.endpoint.body = status, body
            self.enter_(room=f"?{status}{len(body)}#dev")
            self.expectWrong(reason)
            expect(self.page.get_by_role("link", name="Log in")).to_be_hidden()

    def test_refused(self) -> None:
        """
        If the server refuses the token, the page shows this, and asks for no password.
        """
        self.endpoint.seconds = -60
        self.enter_()
        self.expectWrong("Wrong name, password or token.")
        expect(self.page.get_by_label("Password").first).to_be_hidden()
