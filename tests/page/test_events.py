"""
Event streams in a browser, on a page of another origin.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from twisted.trial.unittest import SkipTest

from tests.api.servers import ApiTestCase
from tests.browser import IN_FIREFOX, PageTestCase, waitFor
from tests.processes import PATIENCE, ROOT
from tests.webserver import Quiet, serveRequests

#: Listens with the example, and publishes from the page.
LISTEN = """async ([url, token]) => {
    const { listen } = await import("/events.js");
    window.shown = [];
    window.asked = 0;
    const tokenOf = async () => (asked += 1, token);
    window.stop = await listen(url, "ops", tokenOf, (message) => shown.push(message.text));
}"""

#: A request of a page to the API, which has a key only in this test.
FETCH = """async ([url, key]) => {
    try {
        const options = { method: "POST", headers: { "X-API-Key": key }, body: "{}" };
        return (await fetch(`${url}/api/rooms`, options)).status;
    } catch (error) {
        return error.name;
    }
}"""


class Files(Quiet):
    """
    Serves the example, at an origin of its own.
    """

    def do_GET(self) -> None:
        """
        Answer with the example, or with an empty page.
        """
        script = self.path == "/events.js"
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.end_headers()
        self.wfile.write((ROOT / "examples" / "events.js").read_bytes() if script else b"")


class EventTests(PageTestCase, ApiTestCase):
    def setUp(self) -> None:
        PageTestCase.setUp(self)
        ApiTestCase.setUp(self)
        self.origin = f"http://127.0.0.1:{serveRequests(self, Files)}"

    def call(self, name: str, **fields: object) -> Any:
        """
        @return: the answer of the API
        """
        body, headers = json.dumps(fields).encode(), {"X-API-Key": self.key}
        request = Request(f"{self.url}/api/{name}", body, headers)
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def test_stream(self) -> None:
        """
        A page of an allowed origin receives messages, and after a restart of the server only those
        that it has missed.
        """
        store = ("--store", f"sqlite:{self.folder / 'store'}")
        self.serveApi("--api-origin", self.origin, *store)
        page = self.blank()
        page.goto(f"{self.origin}/")
        token = self.call("token", room="ops", **{"for": 600})["token"]
        self.assertEqual(page.evaluate(FETCH, [self.url, self.key]), 200)
        page.evaluate(LISTEN, [self.url, token])
        self.call("publish", room="ops", text="one")
        waitFor(page, "shown.length === 1")
        self.server.terminate()
        self.server.wait(PATIENCE)
        port = self.port
        self.server = self.serve(
            *("--tcp", "none", "--ws", "none", "--api", f"tcp:{port}:interface=127.0.0.1"),
            *("--api-keys", self.folder / "keys", "--api-origin", self.origin, *store),
        )
        while True:
            try:
                self.call("publish", room="ops", text="two")
                break
            except OSError:
                page.wait_for_timeout(50)
        waitFor(page, "shown.length === 2")
        self.assertEqual(page.evaluate("shown"), ["one", "two"])
        page.evaluate("stop()")

    def test_otherOrigin(self) -> None:
        """
        A page of another origin can neither send nor read, even with a key.
        """
        if IN_FIREFOX:
            raise SkipTest("Firefox reports the refusal at any later time")
        self.serveApi()
        page = self.blank()
        page.goto(f"{self.origin}/")
        self.assertEqual(page.evaluate(FETCH, [self.url, self.key]), "TypeError")
        self.assertTrue(any("blocked by CORS policy" in each for each in self.problems))
        self.problems.clear()
