"""
The examples of sites whose users are logged in to the chat, over HTTP and in a browser.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from http.cookiejar import CookieJar
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.names import checkName, key
from tests.browser import PageTestCase, expect, say
from tests.page.sites import apiKey, servedBy, serveWsgi
from tests.processes import (
    BIN,
    LOCAL,
    PATIENCE,
    ROOT,
    RawWebSocketClient,
    ServerTestCase,
    freePort,
    portsOf,
    start,
)

EXAMPLE = ROOT / "examples" / "login"

#: Names of accounts that differ in letters, signs and case.
_ACCOUNTS = st.text(st.sampled_from("aA\u00e9\u00df\u0301~_@. -/1\u4e2d\U0001f600"), max_size=40)


class NameTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(sys, "path", [str(EXAMPLE), *sys.path])
        import accounts

        self.accounts: Any = accounts

    @given(_ACCOUNTS, _ACCOUNTS)
    def test_names(self, one: str, other: str) -> None:
        """
        The chat allows the names of all accounts, and two accounts have the same name only if the
        chat does not distinguish the names of the accounts.
        """
        first, second = (self.accounts.chatName(each) for each in (one, other))
        self.assertEqual((checkName(first), checkName(second)), (first, second))
        if key(first) == key(second):
            self.assertEqual(key(one), key(other))

    def test_examples(self) -> None:
        """
        An allowed name stays the same; spaces and other signs are replaced.
        """
        for account, name in (
            ("Mina", "Mina"),
            ("Ada Lovelace", "Ada_Lovelace~"),
            ("grace@example.org", "grace_example.org~"),
            ("machat", "machat~"),
            ("L\u00e9a Martin", "Lea_Martin~"),
        ):
            self.assertTrue(self.accounts.chatName(account).startswith(name), account)


class BelowClient(RawWebSocketClient):
    """
    A client of the WebSocket below C{/chat/}.
    """

    path = "/chat/mychat"


class Visitor:
    """
    A browser without scripts.
    """

    def __init__(self, port: int) -> None:
        self._url = f"http://localhost:{port}"
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))

    def ask(self, path: str, **fields: str) -> tuple[int, str]:
        """
        @param fields: the fields of a form to post
        @return: the status and the body of the answer
        """
        data = urlencode(fields).encode() if fields else None
        try:
            with self._opener.open(self._url + path, data, PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def logIn(self, name: str, password: str) -> tuple[int, str]:
        """
        Fill in the form, and submit it.
        """
        return self.ask("/login", name=name, password=password, csrf=self.csrf("/login"))

    def csrf(self, path: str) -> str:
        """
        @return: the hidden field of the form on a page
        """
        found = re.search('name="csrf" value="([^"]+)"', self.ask(path)[1])
        assert found is not None
        return found[1]


def serveKlein(case: ServerTestCase) -> int:
    """
    Start the example with klein.

    @return: its port
    """
    folder = Path(case.mktemp()).absolute()
    shutil.copytree(EXAMPLE, folder)
    site = folder / "with_klein.py"
    site.write_text(site.read_text().replace("tcp:8080", "tcp:0"))
    twistd = (BIN / "twistd", "--pidfile=", "-l", "-", "-ny", site.name)
    (port,) = portsOf(case.stopAtEnd(start("env", "PYTHONPATH=.", *twistd, cwd=folder)), "Site")
    return port


class KleinTests(ServerTestCase):
    def test_login(self) -> None:
        """
        A login needs the right password and the site's own form, and the token admits the user
        under a name that the chat allows. A logout disconnects the user.
        """
        port = serveKlein(self)
        ada = Visitor(port)
        refused = {"text": "you are not logged in", "login": "/login"}
        status, body = ada.ask("/chat-token")
        self.assertEqual((status, json.loads(body)), (401, refused))
        for name, password in (("Ada Lovelace", "rain"), ("Eve", "snow"), ("", "x")):
            status, body = ada.logIn(name, password)
            self.assertEqual(status, 403)
            self.assertIn("Wrong name or password.", body)
        status, _ = ada.ask("/login", name="Ada Lovelace", password="snow", csrf="forged")
        self.assertEqual(status, 403)
        self.assertEqual(ada.logIn("Ada Lovelace", "snow")[0], 200)
        told = json.loads(ada.ask("/chat-token")[1])
        client = BelowClient(port)
        self.addCleanup(client.close)
        client.send(v=1, room="team", **told)
        self.assertEqual(client.await_("joined")["name"], told["name"])
        self.assertEqual(ada.ask("/logout", csrf="forged")[0], 403)
        self.assertEqual(ada.ask("/chat-token")[0], 200)
        self.assertEqual(ada.ask("/logout", csrf=ada.csrf("/"))[0], 200)
        self.assertEqual(client.await_("bye")["reason"], "removed")
        self.assertEqual(ada.ask("/chat-token")[0], 401)


class BrowserTests(PageTestCase):
    """
    The two sites in a browser.
    """

    def _told(self, message: Any) -> None:
        if "status of 401" not in message.text:
            super()._told(message)

    def test_klein(self) -> None:
        """
        The site with klein contains the chat.
        """
        site = f"http://localhost:{serveKlein(self)}"
        self.visit(site, f"{site}/chat/")

    def test_flask(self) -> None:
        """
        The Flask site, under a WSGI server, shares its users with a MaChat server.
        """
        port = freePort()
        site = f"http://localhost:{port}"
        folder = Path(self.mktemp()).absolute()
        shutil.copytree(EXAMPLE, folder)
        (folder / "secret").write_text(token_urlsafe(32))
        key = apiKey(folder, "site", "moderate")
        (folder / "key").write_text(key)
        self.server = self.serve(
            *("--tcp", "none", "--ws", LOCAL, "--auth", f"jwt:keyfile={folder / 'secret'}"),
            *("--page-token-url", f"{site}/chat-token", "--origin", site),
            *("--api", LOCAL, "--api-keys", folder / "keys"),
        )
        chat, api = servedBy(self.server)
        serveWsgi(self, folder, "with_flask:app", port, CHAT=chat, CHAT_API=api)
        self.visit(site, chat)

    def visit(self, site: str, chat: str) -> None:
        """
        Log in, talk on the site's own page and on the chat's page, and log out.
        """
        own = self.blank()
        own.goto(site)
        own.get_by_label("Name").fill("Ada Lovelace")
        own.get_by_label("Password").fill("snow")
        own.get_by_role("button", name="Log in").click()
        expect(own.get_by_role("status")).to_have_text(re.compile("^Ada_Lovelace~.*: online$"))
        page = own.context.new_page()
        page.goto(f"{chat}#team")
        expect(page.locator("#me")).to_have_text(re.compile("^Ada_Lovelace~"))
        say(page, "from the chat")
        expect(own.get_by_role("listitem")).to_have_text([re.compile(": from the chat$")])
        own.get_by_label("Message").press_sequentially("from the site")
        own.get_by_label("Message").press("Enter")
        expect(page.locator(".text")).to_have_text(["from the chat", "from the site"])
        own.get_by_role("button", name="Log out").click()
        expect(own.get_by_role("heading")).to_have_text("Log in")
        expect(page.locator("#why")).to_have_text(re.compile("^You were removed"))
        page.get_by_role("button", name="Connect again").click()
        expect(page.locator("#why")).to_have_text("You are not logged in.")
        expect(page.get_by_role("link", name="Log in")).to_have_attribute("href", f"{site}/login")
