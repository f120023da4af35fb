"""
Measure the page in Chromium::

    python -m tools.pagespeed

The program prints the bytes that a browser transfers; the times to a usable form and a usable
message field, with a round-trip time of 300 ms; and the longest tasks while a user scrolls and
types in a room of 2,000 messages and 500 members, by CPU time, which does not depend on other
programs.

A proxy delays the data, because Chromium's own emulation does not delay WebSockets. A new
connection costs one round trip, as with TCP. The proxy also emulates slow start: it sends 14,600
bytes (10 segments, RFC 6928), and for each byte that was acknowledged two more. TLS would add one
round trip to each connection.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.browser import PageTestCase, expect, signIn, waitFor
from tests.page.test_safety import Server

#: The round-trip time, seconds.
ROUND_TRIP = 0.3

#: The number of bytes that a connection sends before any are acknowledged: 10 segments (RFC 6928).
WINDOW = 14_600

#: The selectors of the button of the form, and of the message field.
FORM = "#signin-form button"
FIELD = ".composer textarea"
MEMBERS_SHOWN = "button[aria-controls$=members]"

MESSAGES = 2_000
MEMBERS = 500

#: A task of the main thread that is longer delays a frame noticeably, milliseconds.
LONG = 50

#: Records the time since the navigation at which a selector first matches a visible, enabled
#: element.
WHEN = """(selector) => {
    const look = () => {
        const found = document.querySelector(selector);
        if (found?.checkVisibility() && !found.disabled) globalThis[selector] = performance.now();
        else requestAnimationFrame(look);
    };
    look();
}"""


class SlowStart:
    """
    The data in one direction of a connection, which arrive after half a round trip. The number of
    bytes on the way is limited by a congestion window.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, to: asyncio.StreamWriter) -> None:
        self._loop = loop
        self._to = to
        self._free = WINDOW
        self._waiting = bytearray()
        self._ended = False

    def send(self, data: bytes) -> None:
        """
        Send data, or queue what does not fit into the window. Empty data ends the connection.
        """
        self._ended = self._ended or not data
        self._waiting += data
        self._more()

    def _more(self) -> None:
        sent = bytes(self._waiting[: self._free])
        del self._waiting[: len(sent)]
        self._free -= len(sent)
        if sent:
            self._loop.call_later(ROUND_TRIP / 2, self._to.write, sent)
            self._loop.call_later(ROUND_TRIP, self._acknowledged, len(sent))
        if self._ended and not self._waiting:
            self._loop.call_later(ROUND_TRIP / 2, self._to.close)

    def _acknowledged(self, count: int) -> None:
        self._free += 2 * count
        self._more()


class SlowWay:
    """
    A proxy that delays everything by half a round trip in each direction, and a new connection by
    one round trip.

    @ivar port: its port
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # cut connections
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        starting = asyncio.start_server(self._accepted, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port: int = server.sockets[0].getsockname()[1]

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(ROUND_TRIP)
        far, away = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._carry(reader, away), self._carry(far, writer))

    async def _carry(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        way = SlowStart(self._loop, to)
        while data := await source.read(1 << 20):
            way.send(data)
        way.send(b"")

    def close(self) -> None:
        """
        Stop the proxy.
        """
        self._loop.call_soon_threadsafe(self._loop.stop)


class Speed(PageTestCase):
    """
    Runs a server, and measures its page.
    """

    def runTest(self) -> None:
        """
        Take all measurements.
        """
        self.serveOn()
        self.transfers()
        self.starts()
        self.works()

    def transfers(self) -> None:
        """
        Count the bytes of the answers, with their heads.
        """
        page = self.blank()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        sizes: list[int] = []
        session.on("Network.loadingFinished", lambda done: sizes.append(done["encodedDataLength"]))
        page.goto(f"http://127.0.0.1:{self.ws}/", wait_until="networkidle")
        print(f"transferred: {sum(sizes):,.0f} bytes in {len(sizes)} files")

    def starts(self) -> None:
        """
        Measure the times until the page can be used.
        """
        self.floor()
        page = self.blank()
        page.add_init_script(
            f"({WHEN})('{FORM}'); ({WHEN})('{FIELD}'); ({WHEN})('{MEMBERS_SHOWN}')"
        )
        page.goto(f"{self.slow()}#dev")
        self.shown(page, "first load: usable form", FORM)
        self.received(page, "first load")
        signIn(page, "Mina")
        expect(page.get_by_role("tab")).to_have_count(1)
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        for name, disabled in (("reload", False), ("reload without the cache", True)):
            session.send("Network.setCacheDisabled", {"cacheDisabled": disabled})
            page.wait_for_timeout(6_000)  # the server has closed the connection
            page.reload()
            self.received(page, name)
            self.shown(page, f"{name}: usable message field", FIELD)
            self.shown(page, f"{name}: room joined", MEMBERS_SHOWN)

    def slow(self) -> str:
        """
        @return: the address of the page on a slow way, to which there is no connection yet
        """
        way = SlowWay(self.ws)
        self.addCleanup(way.close)
        return f"http://127.0.0.1:{way.port}/"

    def floor(self) -> None:
        """
        Measure the smallest file, which takes a round trip for the connection and one for the
        answer.
        """
        page = self.blank()
        page.goto(f"{self.slow()}icon.svg")
        self.received(page, "smallest file")

    def received(self, page: Any, name: str) -> None:
        """
        Print the time at which the whole document was received.
        """
        whole = "performance.getEntriesByType('navigation')[0].responseEnd"
        print(f"{name}: document received: {page.evaluate(whole):,.0f} ms")

    def shown(self, page: Any, name: str, selector: str) -> None:
        """
        Print the time at which an element could be used.
        """
        waitFor(page, "(selector) => globalThis[selector]", selector)
        usable = page.evaluate("(selector) => globalThis[selector]", selector)
        print(f"{name}: {usable:,.0f} ms")

    def works(self) -> None:
        """
        Trace the page while a user scrolls and types.
        """
        page = self.blank(viewport={"width": 1280, "height": 800})
        members = ["Mina", *[f"member{number}" for number in range(MEMBERS - 1)]]
        server = Server(page, members=members, count=MEMBERS)
        page.goto(f"http://127.0.0.1:{self.ws}/#dev")
        signIn(page, "Mina")
        expect(page.get_by_role("tab")).to_have_count(1)
        for seq in range(1, MESSAGES + 1):
            server.message(seq, members[seq % MEMBERS], f"message {seq} " + "word " * (seq % 40))
        expect(page.get_by_text(f"message {MESSAGES}")).to_be_visible()
        page.wait_for_timeout(500)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json"
            categories = ["toplevel", "devtools.timeline"]
            self.browser.start_tracing(page=page, path=path, categories=categories)
            self.use(page, server)
            self.browser.stop_tracing()
            report(json.loads(path.read_bytes())["traceEvents"])

    def use(self, page: Any, server: Server) -> None:
        """
        Scroll through the messages and type, while messages and members come and go.
        """
        page.locator(".log").hover()
        for step in range(120):
            page.mouse.wheel(0, -900 if step < 60 else 900)
            page.wait_for_timeout(16)
        page.get_by_label("Message to dev").focus()
        for step in range(40):
            page.keyboard.type("typed ")
            server.message(MESSAGES + 1 + step, "member7", f"new {step}")
            name = f"guest{step}"
            server.tell(type="presence", room="dev", count=MEMBERS + 1, joined=[name], left=[])
            server.tell(type="presence", room="dev", count=MEMBERS, joined=[], left=[name])
        page.wait_for_timeout(200)


def report(events: list[dict[str, Any]]) -> None:
    """
    Print the longest tasks of the page's main thread.
    """
    names = {(each["pid"], each["tid"]): each["args"]["name"] for each in _named(events)}
    main = {thread for thread, name in names.items() if name == "CrRendererMain"}
    tasks = [
        each
        for each in events
        if each["name"].endswith("RunTask") and (each["pid"], each["tid"]) in main
    ]
    durations = sorted((each.get("tdur", 0) / 1000 for each in tasks), reverse=True)
    long = [each for each in durations if each > LONG]
    print(f"tasks: {len(tasks):,}, longer than {LONG} ms: {len(long)}")
    print("longest:", ", ".join(f"{each:.0f} ms" for each in durations[:8]))
    for task in sorted(tasks, key=lambda each: -each.get("tdur", 0))[:3]:
        print(_parts(task, events))


def _named(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in events if each["name"] == "thread_name"]


def _parts(task: dict[str, Any], events: list[dict[str, Any]]) -> str:
    """
    @return: the longest parts of a task
    """
    end = task["ts"] + task.get("dur", 0)
    inside = [
        each
        for each in events
        if each.get("tid") == task["tid"]
        and each is not task
        and task["ts"] <= each.get("ts", 0) <= end
        and each.get("dur", 0) > 5_000
    ]
    inside.sort(key=lambda each: -each["dur"])
    return "  " + ", ".join(f"{each['name']} {each['dur'] / 1000:.0f} ms" for each in inside[:6])


def main() -> int:
    """
    @return: the exit status
    """
    return 0 if unittest.TextTestRunner().run(Speed()).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
