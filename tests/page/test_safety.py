"""
Browser tests of the page: hostile input from members and servers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from machat import names
from tests.browser import PATIENT, PageTestCase, expect, expectTexts, say, signIn, texts
from tests.page.elsewhere import elsewhere

INJECTIONS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    '"><svg onload=alert(1)>',
    "<a href='javascript:alert(1)'>click</a>",
    "data:text/html,<script>alert(1)</script>",
    "{{constructor.constructor('alert(1)')()}}",
    "https://example.org/\"onmouseover='alert(1)'",
    "\u202ereversed \u2066isolated",
    "&lt;b&gt; &amp;",
]

#: A text, and the links in it: the shown text, and the target. If the target's host differs from
#: the shown one, the real one is shown after it.
LINKS: list[tuple[str, list[tuple[str, str]]]] = [
    ("see https://example.org/a.", [("https://example.org/a", "https://example.org/a")]),
    ("(http://example.org/a_(b))", [("http://example.org/a_(b)", "http://example.org/a_(b)")]),
    ("http://EXAMPLE.org", [("http://EXAMPLE.org", "http://example.org/")]),
    ("https://user@example.org/ https://bank.example:x@example.org", []),
    ("javascript:alert(1) ftp://example.org data:text/html,x mailto:a@b file:///etc", []),
    ("https:// http://. https://%", []),
    ("xhttps://example.org", []),
    ("https://example.org/\u202egro.elpmaxe", [("https://example.org/", "https://example.org/")]),
    (
        "https://b\u00fccher.example",
        [
            (
                "https://b\u00fccher.example [xn--bcher-kva.example]",
                "https://xn--bcher-kva.example/",
            )
        ],
    ),
    ("https://2130706433/", [("https://2130706433/ [127.0.0.1]", "https://127.0.0.1/")]),
    ("https://bank.example\u2044login.evil.example https://bank.example\uff0fa.evil.example", []),
    ("https://bank.example\u2215a.evil.example https://bank.example\u3002evil.example", []),
    ("https://evil.example\\@bank.example https://exa\u00admple.org https://%62ank.example", []),
    (
        "https://bank.example\u30ce.evil.example/",
        [
            (
                "https://bank.example\u30ce.evil.example/ [bank.xn--example-z04f.evil.example]",
                "https://bank.xn--example-z04f.evil.example/",
            )
        ],
    ),
    (
        "https://a.example https://b.example",
        [(f"https://{x}.example", f"https://{x}.example/") for x in "ab"],
    ),
]


class Server:
    """
    Replaces the server of a page, and sends what a test tells it to.

    @ivar heard: all commands that were received
    @ivar limits: those in the welcome
    @ivar held: the commands that wait for L{release}
    """

    def __init__(self, page: Any, **joined: object) -> None:
        self.heard: list[dict[str, Any]] = []
        self.held: list[dict[str, Any]] = []
        self._holds: Callable[[dict[str, Any]], bool] = lambda command: False
        self.limits: dict[str, float] = {}
        self.socket: Any = None
        self.password: str | None = None
        self._page = page
        self._joined = joined
        page.route_web_socket("**/mychat", self._opened)

    def tell(self, **event: object) -> None:
        """
        Send one object.
        """
        self.socket.send(json.dumps(event))

    def message(self, seq: int, sender: str, text: str, **fields: object) -> None:
        """
        Send a message.
        """
        about = {"type": "message", "room": "dev", "seq": seq, "at": 1_760_000_000_000 + seq}
        self.tell(**{**about, "from": sender, "text": text, **fields})

    def converse(self, sender: str, text: str) -> None:
        """
        Have the page join Mina's direct conversation with a user, who has sent one message.
        """
        room, people = names.direct("Mina", sender), ["Mina", sender]
        here = {"name": "Mina", "epoch": "e", "seq": 1, "count": 2, "members": people}
        self.tell(type="joined", room=room, recovered=True, missed=1, **here)
        self.message(1, sender, text, room=room, replay=True)

    def await_(self, type: str) -> dict[str, Any]:
        """
        @return: the first command of this type, when it arrives
        """
        for _ in range(int(PATIENT) // 10):
            for command in self.heard:
                if command.get("type") == type:
                    return command
            self._page.wait_for_timeout(10)
        raise AssertionError(f"no {type} among {self.heard}")

    def take(self, type: str) -> dict[str, Any]:
        """
        @return: the first command of this type, when it arrives. It is removed from C{heard}
        """
        command = self.await_(type)
        self.heard.remove(command)
        return command

    def _opened(self, socket: Any) -> None:
        self.socket = socket
        socket.on_message(self._received)

    def _received(self, data: str) -> None:
        command = json.loads(data)
        self.heard.append(command)
        if self._holds(command):
            self.held.append(command)
        else:
            self._answer(command)

    def hold(self, *types: str) -> None:
        """
        Answer no further command of these types, or of any type if none is given, until L{release}.
        """
        self._holds = lambda command: not types or command.get("type") in types

    def release(self) -> None:
        """
        Answer the commands that were held, and all further ones.
        """
        self._holds = lambda command: False
        held, self.held = self.held, []
        for command in held:
            self._answer(command)

    def _answer(self, command: dict[str, Any]) -> None:
        if "v" in command:
            self._greet(command)
        elif command["type"] == "join":
            place = {
                "room": "dev",
                "name": "Mina",
                "epoch": "e",
                "seq": 0,
                "count": 1,
                "recovered": True,
            }
            here = {"members": ["Mina"], "id": command["id"]}
            self.tell(type="joined", **{**place, **here, **self._joined})

    def _greet(self, hello: dict[str, Any]) -> None:
        if hello.get("password") == self.password:
            self.tell(type="welcome", v=1, server="test", session="s", limits=self.limits, ping=25)
        else:
            self.tell(type="error", code="bad-credentials", text="wrong name or password")
            self.tell(type="bye", code=3500, reason="bad-credentials", reconnect=False)


class InjectionTests(PageTestCase):
    def test_messages(self) -> None:
        """
        Text that looks like markup or a script is shown as text, from any sender.
        """
        self.serveOn()
        mina, eve = self.enter("Mina"), self.tcpClient("Eve")
        for text in INJECTIONS:
            eve.send(type="say", text=text)
        expectTexts(mina, INJECTIONS)
        say(mina, INJECTIONS[0])
        expect(mina.locator(".text")).to_have_count(len(INJECTIONS) + 1)
        self.assertEqual(mina.locator(".log :is(img, svg, script, iframe, style, b)").count(), 0)
        hrefs = mina.locator(".log a").evaluate_all("(all) => all.map((each) => each.href)")
        self.assertEqual(hrefs, ["https://example.org/"])

    def test_everythingElse(self) -> None:
        """
        The same holds for names, topics, rooms and reasons, even if a server allows what MaChat's
        own does not.
        """
        page = self.blank()
        evil = INJECTIONS[0]
        server = Server(page, room="dev", topic=evil, members=["Mina", *INJECTIONS], count=11)
        self.visit(page)
        for seq, name in enumerate(INJECTIONS, 1):
            server.message(seq, name, "hello")
        expect(page.locator(".text")).to_have_count(len(INJECTIONS))
        expect(page.locator(".names li")).to_have_count(len(INJECTIONS) + 1)
        expect(page.locator(".topic")).to_have_text(evil)
        server.tell(type="left", room="dev", reason=evil)
        expect(page.get_by_role("alert")).to_contain_text(evil)
        found = page.locator("#chat :is(script, iframe, style, b, svg, img[src=x])").count()
        self.assertEqual(found, 0)

    def visit(self, page: Any) -> None:
        """
        Sign in to a L{Server}.
        """
        self.serveOn()
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        page.locator("[role=tab]:visible, #secret:visible").wait_for()

    def test_links(self) -> None:
        """
        Only web addresses become links; a link leads to the address that it shows, and sends no
        referrer.
        """
        self.serveOn()
        mina = self.enter("Mina")
        for text, _ in LINKS:
            say(mina, text)
        expect(mina.locator(".message:not(.pending)")).to_have_count(len(LINKS))
        written = mina.locator(".text").evaluate_all(
            """(all) => all.map((text) => {
                const copy = text.cloneNode(true);
                for (const host of copy.querySelectorAll(".host")) host.remove();
                return copy.textContent;
            })"""
        )
        self.assertEqual(written, [text for text, _ in LINKS])
        shown = mina.locator(".text").evaluate_all(
            """(all) => all.map((text) => [...text.querySelectorAll("a")].map(
                (a) => [a.textContent, a.href]))"""
        )
        self.assertEqual(shown, [[[*link] for link in links] for _, links in LINKS])
        first = mina.locator(".log a").first
        expect(first).to_have_attribute("rel", "noopener noreferrer nofollow")
        expect(first).to_have_attribute("target", "_blank")

    def test_unknown(self) -> None:
        """
        The page ignores unknown events, and data that is not valid in the protocol.
        """
        page = self.blank()
        server = Server(page)
        self.visit(page)
        expect(page.locator("#connection")).to_have_text("Online")
        for raw in ("nonsense", "null", "[]", '"text"', '{"type": "constructor"}', "{}"):
            server.socket.send(raw)
        server.tell(type="weather", room="dev", text="rain")
        server.tell(type="message", room="elsewhere", seq=1, text="lost", at=1, **{"from": "Eve"})
        server.message(1, "Eve", "hello", mood="good")
        server.message(1, "Eve", "hello again with an old number")
        expectTexts(page, ["hello"])

    def test_moderation(self) -> None:
        """
        The server's own messages are distinct from a member's; a topic, a lock, and a removal are
        shown.
        """
        page = self.blank()
        server = Server(page, topic="the topic", locked=False)
        self.visit(page)
        expect(page.locator(".topic")).to_have_text("the topic")
        server.message(1, "machat", "Ada has muted Eve")
        expect(page.locator(".notice")).to_contain_text("Ada has muted Eve")
        self.assertEqual(texts(page), [])
        server.tell(type="room", room="dev", topic="another", locked=True)
        expect(page.locator(".topic")).to_have_text("another")
        expect(page.get_by_text("locked", exact=True)).to_be_visible()
        server.tell(type="left", room="dev", reason="kicked by Ada")
        expect(page.get_by_role("alert")).to_contain_text("kicked by Ada")
        expect(page.get_by_role("textbox", name="Message to")).to_be_hidden()
        page.get_by_role("button", name="Join again").click()
        expect(page.get_by_role("textbox", name="Message to")).to_be_visible()
        server.message(1, "machat", "Ada has muted Eve", replay=True)
        server.message(2, "Ada", "welcome back")
        expectTexts(page, ["welcome back"])
        expect(page.locator(".notice")).to_have_count(2)

    def test_password(self) -> None:
        """
        A password is requested when the server requires one, and again when it is no longer valid;
        it is not stored.
        """
        page = self.blank()
        server = Server(page)
        server.password = "correct horse"
        self.visit(page)
        password = page.locator("#signin").get_by_label("Password")
        expect(password).to_be_focused()
        password.fill("wrong")
        password.press("Enter")
        expect(page.get_by_text("Wrong name or password.")).to_be_visible()
        password.fill("correct horse")
        password.press("Enter")
        expect(page.locator("#connection")).to_have_text("Online")
        kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
        self.assertNotIn("correct", kept)
        self.assertEqual(page.locator("input").evaluate_all("(all) => all[2].value"), "")
        self._changed(page, server)

    def _changed(self, page: Any, server: Server) -> None:
        server.password = "battery staple"
        server.tell(type="bye", code=3500, reason="bad-credentials", reconnect=False)
        page.get_by_role("button", name="Connect again").click()
        page.get_by_role("dialog").get_by_label("Password").fill("battery staple")
        page.keyboard.press("Enter")
        expect(page.locator("#connection")).to_have_text("Online")
        say(page, "here again")
        while server.heard[-1].get("text") != "here again":
            page.wait_for_timeout(10)
        joins = [each for each in server.heard if each.get("type") == "join"]
        self.assertEqual(joins[-1]["since"], {"epoch": "e", "seq": 0})


class ForeignTests(PageTestCase):
    """
    Pages of other origins.
    """

    #: Tries to open the chat's WebSocket.
    OPEN = """(url) => new Promise((done) => {
        const line = new WebSocket(url);
        line.onopen = () => done("open");
        line.onerror = () => done("refused");
    })"""

    def test_origin(self) -> None:
        """
        A browser refuses to connect a page of another host to the chat, unless that host is
        allowed.
        """
        friend, stranger = elsewhere(self), elsewhere(self)
        self.serveOn("--origin", f"http://127.0.0.1:{friend}")
        for port, expected in ((self.ws, "open"), (friend, "open"), (stranger, "refused")):
            page = self.blank()
            page.goto(f"http://127.0.0.1:{port}/")
            found = page.evaluate(self.OPEN, f"ws://127.0.0.1:{self.ws}/mychat")
            self.assertEqual(found, expected, port)
