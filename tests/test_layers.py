"""
Tests for the layers: which module may import which.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import machat

PACKAGE = Path(machat.__file__).parent

#: The modules by layer, from the bottom. Each may import what stands in the layers below it.
LAYERS = [
    layer.split()
    for layer in (
        "limits errors events commands metrics backlog clock pieces shares names wire line"
        " interfaces",
        "users credentials realm passwords tokens peers sanctions acts greeting"
        " expiry roster log bucket shaper"
        " receipts presence turnstile room replay hooks hookrunner wheel lean direct keepalive origins"
        " http"
        " pages upgrade site web logbook member membership unsent arrival batches proxy tls"
        " notices answers reasons certificates heartbeat",
        "connections rules rooms entrance moderation measures stop service requests inbox"
        " conversation speaker session outbox",
        "tcp ws monitor",
        "dial",
        "client",
        "feed patience display standard slash",
        "talk",
        "pipe",
        "terminal",
        "testing tap console passwd",
    )
]

#: What a module may import of its own layer besides.
BESIDES = {
    "credentials": {"users"},
    "realm": {"users"},
    "passwords": {"credentials"},
    "tokens": {"credentials", "users"},
    "commands": {"events"},
    "pieces": {"events"},
    "interfaces": {"limits", "errors", "events", "metrics", "backlog", "clock", "pieces", "wire"},
    "names": {"errors"},
    "wire": {"commands", "errors", "events", "names"},
    "membership": {"unsent"},
    "http": {"origins"},
    "pages": {"http"},
    "upgrade": {"http"},
    "web": {"http", "origins", "site"},
    "site": {"http", "origins", "pages", "upgrade"},
    "proxy": {"peers", "logbook"},
    "room": {"presence", "turnstile"},
    "replay": {"room"},
    "hookrunner": {"room", "turnstile"},
    "batches": {"room"},
    "rules": {"connections"},
    "moderation": {"rooms", "connections", "rules"},
    "measures": {"moderation", "rules"},
    "stop": {"rooms", "connections"},
    "service": {"rooms", "connections", "entrance", "rules", "moderation", "stop"},
    "requests": {"conversation", "measures"},
    "speaker": {"conversation"},
    "session": {"conversation", "requests", "speaker", "inbox"},
}


def allowed(module: str) -> set[str]:
    """
    @return: the modules of the package that this one may import
    """
    below: set[str] = set()
    for layer in LAYERS:
        if module in layer:
            return below | BESIDES.get(module, set())
        below.update(layer)
    return set()


def imported(source: str) -> Iterator[str]:
    """
    @param source: a module of the package C{machat}
    @return: the full name of everything it imports, inside functions and C{if}s too
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = [part for part in ("machat" if node.level else "", node.module) if part]
            yield from (".".join([*origin, alias.name]) for alias in node.names)


def ofPackage(source: str) -> set[str]:
    """
    @return: the modules of the package that a source imports; C{*} for what is none of them
    """
    known = {module for layer in LAYERS for module in layer}
    found = set()
    for name in imported(source):
        first, _, rest = name.partition(".")
        if first == "machat":
            module = rest.partition(".")[0]
            found.add(module if module in known else "*")
    return found


def importers(sources: dict[str, str], name: str) -> set[str]:
    """
    @return: the modules that import this or anything in it
    """
    return {
        module
        for module, source in sources.items()
        if any(f"{each}.".startswith(f"{name}.") for each in imported(source))
    }


class LayerTests(SynchronousTestCase):
    """
    The package keeps its layers.
    """

    def setUp(self) -> None:
        self.sources = {
            ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path.read_text("utf-8")
            for path in PACKAGE.rglob("*.py")
        }
        self.modules = {name: name.partition(".")[0] for name in self.sources}

    def test_everyModule(self) -> None:
        """
        Every module of the package has one place in the table, and the table has no others.
        """
        placed = [module for layer in LAYERS for module in layer]
        self.assertEqual(sorted(placed), sorted({*self.modules.values()} - {"__init__"}))

    def test_layers(self) -> None:
        """
        A module imports only what the table lets it.
        """
        for module, source in self.sources.items():
            name = self.modules[module]
            self.assertEqual(ofPackage(source) - allowed(name) - {name}, set(), module)

    def test_transportsApart(self) -> None:
        """
        The front doors never import each other, nor do those who build on them.
        """
        for one, other in (
            ("tcp", "ws"),
            ("ws", "tcp"),
            ("testing", "tap"),
            ("tap", "testing"),
        ):
            self.assertNotIn(other, allowed(one))

    def test_package(self) -> None:
        """
        Importing the package itself imports nothing more.
        """
        self.assertEqual(list(imported(self.sources["__init__"])), [])

    def test_autobahn(self) -> None:
        """
        Only the WebSocket knows Autobahn.
        """
        knowing = importers(self.sources, "autobahn")
        self.assertEqual({self.modules[name] for name in knowing}, {"ws"})
        self.assertEqual(importers(self.sources, "txaio"), set())

    def test_reactor(self) -> None:
        """
        Only what C{twistd} runs lets the global reactor in.
        """
        self.assertEqual(importers(self.sources, "twisted.internet.reactor"), {"tap.options"})

    def test_pure(self) -> None:
        """
        Names and the wire know nothing of Twisted.
        """
        twisted = importers(self.sources, "twisted")
        self.assertEqual(
            twisted
            & {"names", "wire", "http", "pages", "site", "upgrade", "limits", "errors", "events"},
            set(),
        )


class ReadingTests(SynchronousTestCase):
    """
    Tests for how these tests read imports.
    """

    def test_forms(self) -> None:
        """
        Every form of import is seen, wherever it stands.
        """
        for source in (
            "import machat.ws",
            "import machat.ws as x",
            "import json, machat.ws",
            "from machat import ws",
            "from machat import ws as x",
            "from machat.ws import PATH",
            "from . import ws",
            "from .ws import PATH",
            "def f():\n    from machat import ws",
            "class C:\n    def f(self):\n        if True:\n            import machat.ws",
            "try:\n    from .ws import *\nexcept ImportError:\n    pass",
        ):
            self.assertEqual(ofPackage(source), {"ws"}, source)

    def test_reactorForms(self) -> None:
        """
        So is every way to the reactor, but not what only lives beside it.
        """
        for source in (
            "from twisted.internet import reactor",
            "from twisted.internet import defer, reactor as r",
            "import twisted.internet.reactor",
            "def f():\n    from twisted.internet.reactor import callLater",
        ):
            self.assertEqual(importers({"m": source}, "twisted.internet.reactor"), {"m"}, source)
        for source in (
            "from twisted.internet import defer",
            "from twisted.internet import reactors",
        ):
            self.assertEqual(importers({"m": source}, "twisted.internet.reactor"), set(), source)

    def test_unknown(self) -> None:
        """
        What is of the package but in no layer is in nobody's.
        """
        for source in (
            "import machat",
            "from machat import other",
            "from machat import __version__",
        ):
            self.assertEqual(ofPackage(source), {"*"}, source)
        self.assertEqual(ofPackage("import machatter, json"), set())

    def test_allowed(self) -> None:
        """
        A module may import what is below it, and beside it only what the table says.
        """
        self.assertEqual(allowed("limits"), set())
        bottom = set(LAYERS[0])
        self.assertEqual(
            allowed("interfaces"),
            {"limits", "errors", "events", "metrics", "backlog", "clock", "pieces", "wire"},
        )
        self.assertEqual(allowed("log"), bottom)
        self.assertEqual(allowed("room") - bottom, {"presence", "turnstile"})
        self.assertNotIn("service", allowed("session"))
        self.assertNotIn("outbox", allowed("session"))
        self.assertIn("wheel", allowed("ws"))
