"""
The layers of the package: which folder or module may import which, and what each of them may reach.

A I{unit} is a folder or a module of C{machat/}. A unit imports only from the layers below its own,
so no two units can import each other. C{docs/design.rst} shows the same table.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import machat

PACKAGE = Path(machat.__file__).parent

#: The units by layer, from the bottom.
LAYERS = [
    layer.split()
    for layer in (
        "entries",
        "addresses clock errors events limits logbook metrics records",
        "commands names",
        "codec",
        "http revisions sansio wire",
        "transport",
        "interfaces",
        "auth connections hooks member rooms store",
        "moderation",
        "service session",
        "api monitor tcp webhooks ws",
        "aio client workers",
        "cli tap testing",
    )
]

#: Units that a unit must not import itself, although they are in a lower layer.
APART = {
    "rooms": "http transport",
    "client": "auth connections http rooms service session store wire",
    "aio": "auth connections http interfaces rooms service session store transport wire",
}

#: The modules that serve a chat.
SERVER = {
    "api",
    "auth",
    "connections",
    "moderation",
    "monitor",
    "rooms",
    "service",
    "session",
    "store",
}
SERVER |= {"tap", "tcp", "workers", "ws"}

#: The units that the client without I/O consists of.
CLIENT = set(["codec", "commands", "entries", "errors", "events", "names", "sansio"])

#: Modules that a unit must not reach through any chain of imports.
UNREACHABLE = {
    "names": ["twisted"],
    "wire": ["twisted", "autobahn"],
    "sansio": ["twisted", "autobahn", "zope", "asyncio", "socket", "ssl"],
    "aio": ["twisted", "autobahn", "zope", "machat.client", "machat.wire"],
    "machat.http.messages": ["twisted"],
    "client": [f"machat.{unit}" for unit in sorted(SERVER)],
}

#: The only units that import a library themselves.
ONLY = {
    "autobahn": "client ws",
    "asyncio": "aio cli",
    "websockets": "aio",
    "txaio": "",
    "txredisapi": "store",
    "twisted.internet.reactor": "tap",
    "jwt": "auth",
    "emoji": "session",
    "prometheus_client": "monitor workers",
    "prompt_toolkit": "cli",
}


@cache
def imported(source: str) -> frozenset[str]:
    """
    @param source: a module of the package C{machat}
    @return: the full names of all imports, including those inside functions and C{if}s
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = [part for part in ("machat" if node.level else "", node.module) if part]
            found.update(".".join([*origin, alias.name]) for alias in node.names)
    return frozenset(found)


def begins(name: str, prefix: str) -> bool:
    """
    @return: whether a dotted name is C{prefix} or inside it
    """
    return f"{name}.".startswith(f"{prefix}.")


def unitOf(name: str) -> str | None:
    """
    @param name: the full name of a module, or of something in it
    @return: its unit; C{*} for the package itself; C{None} if it belongs to another package, or is
        the version, which any unit may read
    """
    first, _, rest = name.partition(".")
    if first != "machat" or rest == "__version__":
        return None
    unit = rest.partition(".")[0]
    return unit if any(unit in layer for layer in LAYERS) else "*"


def allowed(unit: str) -> set[str]:
    """
    @return: the units that a unit may import
    """
    below: set[str] = {unit}
    for layer in LAYERS:
        if unit in layer:
            break
        below.update(layer)
    return below - set(APART.get(unit, "").split())


@cache
def sources() -> dict[str, str]:
    """
    @return: the source of each module, by its full name
    """
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path.read_text("utf-8")
    return found


@cache
def reached(module: str) -> frozenset[str]:
    """
    @return: the modules that are loaded with a module: its imports, and their imports
    """
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        while name and name not in found:
            found.add(name)
            waiting.extend(imported(sources().get(name, "")))
            name = name.rpartition(".")[0]  # a package is loaded before its modules
            if not name or name == "machat":
                break
    return frozenset(found)


class LayerTests(SynchronousTestCase):
    """
    The package keeps its layers.
    """

    def test_everyUnit(self) -> None:
        """
        Every folder and module of the package has one place in the table, and the table has no
        others.
        """
        placed = [unit for layer in LAYERS for unit in layer]
        units = {name.split(".")[1] for name in sources() if name != "machat"}
        self.assertEqual(sorted(placed), sorted(units))

    def test_layers(self) -> None:
        """
        A unit imports only units that the table allows.
        """
        for module, source in sources().items():
            unit = unitOf(module)
            if unit is not None and module != "machat":
                found = {unitOf(name) for name in imported(source)} - {None}
                self.assertEqual(found - allowed(unit), set(), module)

    def test_package(self) -> None:
        """
        Importing the package itself imports nothing else.
        """
        self.assertEqual(imported(sources()["machat"]), frozenset())

    def test_unreachable(self) -> None:
        """
        No chain of imports leads from a unit to a forbidden module.
        """
        for unit, forbidden in UNREACHABLE.items():
            root = unit if unit.startswith("machat.") else f"machat.{unit}"
            for module in sources():
                if begins(module, root):
                    for name in forbidden:
                        found = [each for each in reached(module) if begins(each, name)]
                        self.assertEqual(found, [], module)

    def test_libraries(self) -> None:
        """
        A library is imported only by the units that may use it.
        """
        for library, units in ONLY.items():
            found = {
                unitOf(module)
                for module, source in sources().items()
                if any(begins(name, library) for name in imported(source))
            }
            self.assertEqual(found, set(units.split()), library)


class LoadingTests(SynchronousTestCase):
    """
    The modules that a fresh process loads, which the source alone cannot prove.
    """

    def loaded(self, *modules: str) -> set[str]:
        """
        @return: the modules in a process that has imported only these
        """
        code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
        output = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        return set(output.stdout.split())

    def test_client(self) -> None:
        """
        The client loads no module of the server.
        """
        found = {name for name in self.loaded("machat.client") if unitOf(name) in SERVER}
        self.assertEqual(found, set())

    def test_wire(self) -> None:
        """
        The wire loads no module of Twisted.
        """
        found = {name for name in self.loaded("machat.wire") if begins(name, "twisted")}
        self.assertEqual(found, set())

    def test_sansio(self) -> None:
        """
        The client without I/O loads C{msgspec}, and otherwise only its own modules and modules of
        the standard library that do no I/O.
        """
        found = self.loaded("machat.sansio") - self.loaded("msgspec")
        other = {name.partition(".")[0] for name in found} - sys.stdlib_module_names
        self.assertEqual(other, {"machat"})
        units = {unitOf(name) for name in found} - {"*", None}
        self.assertEqual(units, CLIENT)
        self.assertEqual(found & {"asyncio", "socket", "ssl", "select", "selectors"}, set())

    def test_aio(self) -> None:
        """
        The client for asyncio needs no library except C{msgspec} and, for WebSockets,
        C{websockets}, and no other part of MaChat.
        """
        known = self.loaded("msgspec", "asyncio", "ssl")
        found = self.loaded("machat.aio") - known
        self.assertEqual(
            {name.partition(".")[0] for name in found} - sys.stdlib_module_names, {"machat"}
        )
        units = {unitOf(name) for name in found} - {"*", None}
        self.assertEqual(units, CLIENT | {"aio"})
        found = self.loaded("machat.aio.websocket") - known
        self.assertFalse(any(begins(name, "twisted") or begins(name, "zope") for name in found))

    def test_redis(self) -> None:
        """
        Only C{tap} reaches the library for Redis, which installs the reactor. One module imports
        it.
        """
        importing = [
            module
            for module, source in sources().items()
            if any(begins(name, "txredisapi") for name in imported(source))
        ]
        self.assertEqual(importing, ["machat.store.redis.connection"])
        for module in sources():
            if not begins(module, "machat.tap") and not begins(module, "machat.store.redis"):
                self.assertNotIn(importing[0], reached(module), module)

    def test_reactor(self) -> None:
        """
        An application's imports do not install a reactor.
        """
        public = ("service", "tcp", "ws", "client", "testing", "auth", "monitor")
        found = self.loaded(*(f"machat.{module}" for module in public))
        self.assertNotIn("twisted.internet.reactor", found)


class ReadingTests(SynchronousTestCase):
    """
    Tests for how these tests read imports.
    """

    def test_forms(self) -> None:
        """
        Every form of import is found at every position.
        """
        for source in (
            "import machat.ws",
            "import machat.ws as x",
            "import json, machat.ws",
            "from machat import ws",
            "from machat import ws as x",
            "from machat.ws import ChatWebSocketFactory",
            "from . import ws",
            "from .ws import ChatWebSocketFactory",
            "def f():\n    from machat import ws",
            "class C:\n    def f(self):\n        if True:\n            import machat.ws",
            "try:\n    from .ws import *\nexcept ImportError:\n    pass",
        ):
            found = {unitOf(name) for name in imported(source)} - {None}
            self.assertEqual(found, {"ws"}, source)

    def test_others(self) -> None:
        """
        The package itself and unknown modules are the unit C{*}; the version and other packages
        have no unit.
        """
        for name in ("machat", "machat.other"):
            self.assertEqual(unitOf(name), "*", name)
        for name in ("machat.__version__", "machatter", "json"):
            self.assertIsNone(unitOf(name))

    def test_allowed(self) -> None:
        """
        A unit may import itself and the layers below, except the units that it must not import.
        """
        self.assertEqual(allowed("entries"), {"entries"})
        self.assertIn("interfaces", allowed("rooms"))
        self.assertNotIn("transport", allowed("rooms"))
        self.assertNotIn("tcp", allowed("ws"))

    def test_reached(self) -> None:
        """
        A chain of imports is followed to its end, through packages too.
        """
        self.assertIn("machat.errors", reached("machat.tcp"))
        self.assertIn("machat.wire.frames", reached("machat.tcp"))
        self.assertIn(
            "autobahn.twisted.websocket.WebSocketServerProtocol", reached("machat.testing")
        )
