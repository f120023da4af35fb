"""
Support for the tests of the page: a browser, pages that report errors, and a connection to the
server that can be cut.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.processes import LOCAL, PATIENCE, RawClient, ServerTestCase, freePort, portsOf

try:
    from playwright.sync_api import Error, expect, sync_playwright
except ImportError:
    sync_playwright = Error = expect = None  # type: ignore[assignment]

#: The browser without a window takes a third of the CPU time.
CHROMIUM = (
    shutil.which("chromium-headless-shell")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
)

#: Firefox, in which the tests run with the environment variable C{MACHAT_BROWSER=firefox}.
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
IN_FIREFOX = os.environ.get("MACHAT_BROWSER") == "firefox"

#: The time after which a test gives up waiting, milliseconds. No test depends on its value.
PATIENT = PATIENCE * 1000

#: The messages with which a browser reports each failed connection attempt.
_EXPECTED = re.compile(
    "WebSocket connection to|Failed to load resource: net::"
    "|Firefox can\u2019t establish a connection to the server|The connection to ws"
    "|.*CORS request did not succeed"
)

#: Options of a context that have no effect in Firefox.
_ONLY_CHROMIUM = {"bypass_csp", "color_scheme", "forced_colors", "reduced_motion"}

#: Hides and shows the page.
HIDE = """
globalThis.hide = (hidden) => {
    const value = hidden ? "hidden" : "visible";
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
};
"""

#: Reports violations of the policy to the test.
_WATCH = """
addEventListener("securitypolicyviolation", (event) =>
    console.error(`forbidden: ${event.violatedDirective} ${event.blockedURI}`));
"""

#: Reports each new WebSocket, and each text that is sent over it, to the test.
_SOCKETS = """{
    const { WebSocket: Before } = globalThis;
    globalThis.WebSocket = class WebSocket extends Before {
        constructor(...options) { super(...options); console.debug("opens a WebSocket"); }
        send(text) { console.debug(`sends ${text}`); super.send(text); }
    };
}"""


def launch(chromium: Any, *more: str) -> Any:
    """
    @param chromium: the launcher of playwright
    @param more: command-line arguments
    @return: the installed Chromium
    """
    # a container often lacks what the sandbox needs, a large /dev/shm, and a GPU
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--in-process-gpu"]
    return chromium.launch(executable_path=CHROMIUM, args=[*arguments, *more])


@lru_cache(maxsize=1)
def _playwright() -> Any:
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    expect.set_options(timeout=PATIENT)
    return playwright


_browsers: list[Any] = []


def sharedBrowser() -> Any:
    """
    @return: one browser for all tests, until this process ends, because starting one takes a
        second; a new one if it has crashed
    @raise SkipTest: no browser is installed
    """
    if sync_playwright is None or (FIREFOX if IN_FIREFOX else CHROMIUM) is None:
        raise SkipTest(f"{'Firefox' if IN_FIREFOX else 'Chromium'} or playwright is not installed")
    if not _browsers or not _browsers[-1].is_connected():
        playwright = _playwright()
        browser = _firefox(playwright) if IN_FIREFOX else launch(playwright.chromium)
        _browsers.append(browser)
        atexit.register(browser.close)
    return _browsers[-1]


def _firefox(playwright: Any) -> Any:
    """
    @return: the installed Firefox, controlled with WebDriver BiDi, because playwright's own
        protocol needs a patched Firefox
    """
    # a mouse, which is a fine pointer (2) that can hover (4), even if the machine has none
    mouse = {"ui.primaryPointerCapabilities": 6, "ui.allPointerCapabilities": 6}
    return playwright.firefox.launch(
        channel="moz-firefox", executable_path=FIREFOX, firefox_user_prefs=mouse
    )


class PageTestCase(ServerTestCase):
    """
    Tests that use the page as a user does. Each page has its own context, and shares nothing with
    another. An error in a page that the test did not expect fails the test.
    """

    def setUp(self) -> None:
        self.browser = sharedBrowser()
        self.problems: list[str] = []
        self.server: Any = None

    def tearDown(self) -> None:
        self.assertEqual(self.problems, [])

    def serveOn(self, *arguments: object) -> None:
        """
        Start a server; C{self.tcp} and C{self.ws} are its ports.
        """
        pings = ("--ping", "25", "--pong", "24")  # the page notices a lost connection by them
        self.server = self.serve(*pings, *arguments, "--tcp", LOCAL, "--ws", LOCAL)
        self.tcp, self.ws = portsOf(self.server, "ChatFactory", "ChatWebSocketFactory")

    def blank(self, **options: Any) -> Any:
        """
        @param options: options of the browser's context: C{viewport}, C{color_scheme} ...
        @return: a page that has loaded nothing
        @raise SkipTest: the browser does not support an option
        """
        if IN_FIREFOX and (lacking := _ONLY_CHROMIUM & set(options)):
            raise SkipTest(f"{', '.join(sorted(lacking))} cannot be set in Firefox")
        context = self.browser.new_context(**{"locale": "en-GB", **options})
        self.addCleanup(context.close)
        context.set_default_timeout(PATIENT)
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.on("pageerror", lambda error: self._reported(str(error)))
        page.on("console", self._told)
        page.on("dialog", self._asked)
        return page

    def _told(self, message: Any) -> None:
        asked = "/mychat?" in message.location.get("url", "")  # the reason for a missing WebSocket
        if message.type in ("error", "warning") and not asked:
            self._reported(message.text)

    def _asked(self, dialog: Any) -> None:
        leaves = dialog.type == "beforeunload"  # with a text of the browser
        self.problems.append(dialog.type if leaves else dialog.message)

    def _reported(self, text: str) -> None:
        if _EXPECTED.match(text) is None:
            self.problems.append(text)

    def open(self, port: int | None = None, room: str = "dev", **options: Any) -> Any:
        """
        @return: a page that shows the start form
        """
        page = self.blank(**options)
        # a way may be cut, but not while a request of the page, for its icon for example, is still
        # using it
        until = "networkidle" if port else "load"
        page.goto(f"http://127.0.0.1:{port or self.ws}/#{room}", wait_until=until)
        return page

    def enter(self, name: str, port: int | None = None, **options: Any) -> Any:
        """
        @return: a page that has joined C{dev}
        """
        page = self.open(port, **options)
        signIn(page, name)
        expect(page.get_by_role("tab", selected=True)).to_have_text("dev")
        return page

    def joinDev(self, page: Any, name: str = "Mina") -> None:
        """
        Load the page, and join C{dev}.
        """
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, name)
        expect(page.get_by_role("tab")).to_have_text(["dev"])

    def tcpClient(self, name: str, room: str = "dev") -> RawClient:
        """
        @return: a client that has joined over TCP
        """
        return self.rawClient(self.tcp, name, room)

    def way(self, change: Callable[[bytes], bytes] | None = None) -> Way:
        """
        @param change: a function that transforms the browser's data for the server
        @return: a way to the server's WebSocket, and its page
        """
        way = Way(self.ws, change)
        self.addCleanup(way.close)
        return way

    def assertNoSidewaysScroll(self, page: Any) -> None:
        """
        Fail if any part of the page is wider than the window.
        """
        wide = page.evaluate(
            """() => [...document.querySelectorAll("body, main, section, .log, .composer, header")]
                .filter((each) => each.scrollWidth > each.clientWidth + 1)
                .map((each) => each.className || each.tagName)"""
        )
        self.assertEqual(wide, [])


class Sockets:
    """
    The WebSockets that a page opens from now on. With Firefox, playwright does not report them.

    @ivar opened: their number
    @ivar sent: all texts sent over them
    """

    def __init__(self, page: Any) -> None:
        self.opened = 0
        self.sent: list[str] = []
        page.on("console", lambda message: self._told(message.text))
        page.add_init_script(_SOCKETS)
        page.evaluate(f"() => {_SOCKETS}")

    def _told(self, text: str) -> None:
        if text == "opens a WebSocket":
            self.opened += 1
        elif text.startswith("sends "):
            self.sent.append(text.removeprefix("sends "))


def offerPassword(page: Any, password: str) -> None:
    """
    Enter a password in the start form, which asks for it.
    """
    page.locator("#signin").get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def signIn(page: Any, name: str) -> None:
    """
    Fill in the start form.
    """
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Join").click()


def joinRoom(page: Any, room: str) -> None:
    """
    Switch to another room.
    """
    page.get_by_role("button", name="Join a room").click()
    page.get_by_role("dialog").get_by_label("Room").fill(room)
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", selected=True)).to_have_text(room)


def say(page: Any, text: str) -> None:
    """
    Type a message, and send it.
    """
    field = page.get_by_role("textbox", name="Message to")
    field.fill(text)
    field.press("Enter")


def lookAgain(page: Any) -> None:
    """
    Notify the page that the network is available again, so that it does not wait.
    """
    page.evaluate("dispatchEvent(new Event('online'))")


def pause(page: Any) -> None:
    """
    Stop a page's clock, so that its timers and its animation frames run only when the test advances
    it, however long the network takes.

    @param page: a page whose clock was installed
    """
    page.clock.pause_at(page.evaluate("Date.now()") / 1_000 + 1)


def texts(page: Any) -> list[str]:
    """
    @return: the messages that have an element, as they are shown
    """
    found: list[str] = page.locator(".room:not([hidden]) .text").all_inner_texts()
    return found


def waitFor(page: Any, condition: str, argument: Any = None) -> None:
    """
    Wait until a JavaScript expression is true.
    """
    page.wait_for_function(condition, arg=argument, timeout=PATIENT)


def reload(page: Any) -> None:
    """
    Reload a page that has sent messages, as soon as they are acknowledged. Before that, it asks
    the user to stay.
    """
    waitFor(page, "dispatchEvent(new Event('beforeunload', {cancelable: true}))")
    page.reload()


def expectTexts(page: Any, wanted: list[str]) -> None:
    """
    Wait until these messages are shown.
    """
    expect(page.locator(".room:not([hidden]) .text")).to_have_text(wanted)


class Way:
    """
    A connection to a port of this machine, which can be cut.

    @ivar port: the port to connect to
    """

    def __init__(self, to: int, change: Callable[[bytes], bytes] | None = None) -> None:
        """
        @param change: a function that transforms all data sent to the port
        """
        self._to = to
        self._change = change
        self._open = True
        self._before = 0
        self._released = threading.Event()
        self._released.set()
        self._deaf: set[socket.socket] = set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._begin(self._accept)

    def lead(self, to: int) -> None:
        """
        Forward new connections to another port, because a restarted server may not get its old
        one.
        """
        self._to = to

    def cut(self) -> None:
        """
        Close all connections.
        """
        pairs, self._pairs = self._pairs, []
        for each in [end for pair in pairs for end in pair]:
            _shut(each)

    def block(self) -> None:
        """
        Close all connections, and refuse new ones.
        """
        self._open = False
        self.cut()

    def hold(self, before: int) -> None:
        """
        Forward only this number of bytes of the server's next data until L{release}.
        """
        self._before = before
        self._released.clear()

    def release(self) -> None:
        """
        Forward the data that was held.
        """
        self._released.set()

    def deafen(self) -> None:
        """
        Discard all further data from the server on the existing connections, but not the data sent
        to it.
        """
        self._deaf |= {far for _, far in self._pairs}

    def forget(self) -> None:
        """
        Leave the existing connections unchanged from now on.
        """
        self._pairs = []

    def mend(self) -> None:
        """
        Accept new connections again.
        """
        self._open = True

    def close(self) -> None:
        """
        Close the way and all connections through it.
        """
        _shut(self._listener)
        self.release()
        self.cut()

    def _begin(self, target: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # already closed
            while True:
                near, _ = self._listener.accept()
                self._join(near)

    def _join(self, near: socket.socket) -> None:
        try:
            if not self._open:
                raise OSError("blocked")
            far = socket.create_connection(("127.0.0.1", self._to))
        except OSError:
            near.close()
            return
        self._pairs.append((near, far))
        self._begin(self._carry, near, far, self._change)
        self._begin(self._carry, far, near, None, True)

    def _carry(
        self,
        source: socket.socket,
        to: socket.socket,
        change: Callable[[bytes], bytes] | None,
        fromServer: bool = False,
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if fromServer and not self._released.is_set():
                    to.sendall(data[: self._before])
                    self._released.wait()
                    data = data[self._before :]
                if source not in self._deaf:
                    to.sendall(data if change is None else change(data))
        _shut(source)
        _shut(to)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


__all__ = [
    "PATIENT",
    "Error",
    "PageTestCase",
    "Sockets",
    "Way",
    "expect",
    "expectTexts",
    "freePort",
    "launch",
    "lookAgain",
    "pause",
    "say",
    "signIn",
    "sync_playwright",
    "texts",
    "waitFor",
]
