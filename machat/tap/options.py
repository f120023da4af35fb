"""
The command-line options of C{twistd machat}. Every limit of L{machat.limits} that an operator may
want to change is an option.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, cast

from msgspec.structs import replace
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.cred.strcred import AuthOptionMixin, InvalidAuthType, makeChecker
from twisted.internet.interfaces import IReactorCore, IReactorTime
from twisted.python import usage

from machat import __version__
from machat.api.limits import API_DEFAULTS
from machat.auth.apikeys import KeyFile
from machat.auth.credentials import IToken
from machat.clock import useMonotonic
from machat.http.origins import Hosts, Origins
from machat.interfaces import IStore
from machat.limits import DEFAULTS, UNLIMITED, Limits
from machat.store.sqlite import SQLITE_DEFAULTS
from machat.tap.checkers import portalOf, tokensRefusal
from machat.tap.descriptors import availableConnections
from machat.tap.endpoints import Endpoint, given
from machat.tap.errors import Refused, complain, fileReasonOf, reasonOf, refuse
from machat.tap.limits import OPTIONS, LimitOption
from machat.tap.quantities import count, perSecond, seconds, workers
from machat.tap.sharing import checkShareable, storeIsShared
from machat.tap.stores import describeStores, factoryOf, makeStore
from machat.tap.webhooks import webhookSecrets
from machat.workers.worker import Worker


def _shown(value: float) -> str:
    return "off" if value in (inf, UNLIMITED) else f"{value:.15g}"


def _defaultOf(field: str) -> str:
    """
    @return: the default of a limit, and that of the SQLite store if it differs
    """
    shown = _shown(getattr(DEFAULTS, field))
    return (
        f"{shown}; sqlite: {_shown(SQLITE_DEFAULTS[field])}" if field in SQLITE_DEFAULTS else shown
    )


def _roomPatterns(text: str) -> Sequence[str]:
    """
    @return: the patterns of the rooms that are listed
    """
    return {"all": ("*",), "none": ()}.get(text, (text,))


#: The remedy for an unknown option.
_HINT = ': see twistd machat --help. The options of twistd itself go before "machat"'


class Options(usage.Options, AuthOptionMixin):
    """
    The command line of C{twistd machat}.

    @ivar arguments: the command line as given
    """

    supportedInterfaces = (IUsernamePassword, IToken)
    synopsis = "[options]"
    longdesc = (
        "Serves chat rooms to TCP clients and to browsers (WebSocket, at /mychat); both share the "
        "same rooms. ENDPOINT is a Twisted strports string, for example tcp:8989 or "
        'unix:/run/machat; "--tcp none" or "--ws none" disables that kind of client. '
        "Sizes are in bytes or have a unit, as in 64KiB or 1MiB. Times are in "
        "seconds or have a unit, as in 30s, 5m, 24h or 7d."
    )
    optFlags = [
        ["separate", None, "Use separate rooms for TCP and WebSocket."],
        ["check", None, "Check the options and exit."],
        ["anonymous", None, "Admit clients without credentials too, with --auth."],
        ["no-page", None, "Do not serve the chat page on WebSocket endpoints."],
    ]
    optParameters = [
        [
            "monitor",
            None,
            None,
            "Serve metrics and health checks over HTTP on ENDPOINT; use a loopback address.",
        ],
        ["page-token-url", None, None, "Let the page fetch the user's name and token from URL."],
        ["api-keys", None, None, "Keys of the HTTP API, see machat-apikey; read again on SIGHUP."],
        [
            "api-rate",
            None,
            API_DEFAULTS.rate,
            'Maximum average requests per second with one API key, or "off".',
            lambda text: inf if text == "off" else perSecond(str(text)),
        ],
        ["trust-proxy", None, 0, "Number of trusted proxies that set X-Forwarded-For.", count],
        [
            "store",
            None,
            "memory:",
            "Keep messages in this store, for example sqlite:machat.sqlite; see --help-stores.",
        ],
        [
            "list-rooms",
            None,
            "none",
            "List these rooms for clients: all, none, or a pattern, as in public-*.",
        ],
        ["webhook", None, None, "Send the events of the rooms to this URL."],
        ["webhook-secret-file", None, None, "File with the secret that signs them."],
        ["shutdown-timeout", None, 30.0, "Maximum time for stopping the server.", seconds],
        ["workers", None, 1, "Number of processes that serve the endpoints."],
        *[
            [
                name,
                None,
                None,
                f"{option.text} [default: {_defaultOf(option.field)}]",
            ]
            for name, option in OPTIONS.items()
            if name != "max-connections"
        ],
        ["max-connections", None, None, OPTIONS["max-connections"].text],
    ]

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self["tcp"] = []
        self["ws"] = []
        self["api"] = []
        self["origins"] = []
        self["api-origins"] = []
        self["hosts"] = []

    def opt_version(self) -> None:
        """Print MaChat's version, and exit."""
        print(f"MaChat {__version__}")
        raise SystemExit(0)

    def opt_help_stores(self) -> None:
        """Describe the stores, and exit."""
        print(describeStores())
        raise SystemExit(0)

    def opt_tcp(self, endpoint: str) -> None:
        """Serve TCP clients on ENDPOINT; repeatable. [default: tcp:8989:interface=127.0.0.1]"""
        self["tcp"].append(endpoint)

    def opt_ws(self, endpoint: str) -> None:
        """Serve WebSockets on ENDPOINT; repeatable. [default: tcp:8099:interface=127.0.0.1]"""
        self["ws"].append(endpoint)

    def opt_api(self, endpoint: str) -> None:
        """Serve the HTTP API and event streams on ENDPOINT; repeatable. Requires --api-keys."""
        self["api"].append(endpoint)

    def opt_api_origin(self, origin: str) -> None:
        """Allow pages from this origin to use the HTTP API; repeatable."""
        self._take("api-origin", origin, Origins)

    def opt_origin(self, origin: str) -> None:
        """Allow pages from this origin too, as in https://*.example.com; repeatable."""
        self._take("origin", origin, Origins)

    def opt_host(self, host: str) -> None:
        """Answer HTTP requests for this host only, or for any ("*"); repeatable."""
        self._take("host", host, Hosts)

    def _take(self, name: str, value: str, check: Callable[[list[str]], object]) -> None:
        try:
            check([value])
        except ValueError as error:
            refuse(f"--{name} {ascii(value)[1:-1]}: {error}")
        self[f"{name}s"].append(value)

    def parseOptions(self, options: list[str] | None = None) -> None:
        """
        Parse the command line. If it is invalid, exit with status 1; C{twistd} itself does so only
        since Twisted 26.
        """
        self.arguments = sys.argv[1:] if options is None else list(options)
        try:
            usage.Options.parseOptions(self, options)
        except usage.UsageError as error:
            if self.parent is None:
                raise
            if not isinstance(error, Refused):
                complain(f"{error}{_HINT if str(error).endswith('not recognized') else ''}")
            raise SystemExit(1) from None

    def parseArgs(self, *arguments: str) -> None:
        """
        Refuse arguments that belong to no option.
        """
        if arguments:
            refuse(f"{arguments[0]}: an unexpected argument: see twistd machat --help")

    def postOptions(self) -> None:
        """
        Check the endpoints, and set C{limits} and C{portal} from the other options.

        @raise usage.UsageError: the text names the option and the invalid value
        """
        self["workers"] = self._workers()
        self._checkEndpoints()
        self["list-rooms"] = _roomPatterns(str(self["list-rooms"]))
        self["limits"] = self._limits()
        self["stores"] = self._stores()
        if self.divided:
            self._checkWorkers()
        self["portal"] = self._portal()
        refusal = tokensRefusal(self)
        if refusal is not None:
            refuse(f"--page-token-url {self['page-token-url']}: {refusal}")
        self["secrets"] = self._secrets()
        self["keys"] = self._keys()
        if self["check"]:
            raise SystemExit(0)

    def _checkEndpoints(self) -> None:
        for option, default in (("tcp", "8989"), ("ws", "8099"), ("api", None)):
            given = self[option]
            if not given and default is not None:
                given = [f"tcp:{default}:interface=127.0.0.1"]
            self[option] = [endpoint for endpoint in given if endpoint != "none"]
            if Worker.current is not None:
                self[option] = Worker.current.endpoints(option, self[option])
            for endpoint in self[option]:
                self._check(option, endpoint)
        if Worker.current is not None:  # the parent has the monitor
            self["monitor"] = None
        elif self["monitor"] is not None:
            self._check("monitor", self["monitor"])
        if not self["tcp"] and not self["ws"] and not self["api"]:
            refuse("--tcp none and --ws none leave nothing to serve")

    def _check(self, option: str, endpoint: str) -> None:
        try:
            found = Endpoint(globalReactor(), endpoint)
            if self.divided and option != "monitor":
                checkShareable(found)
        except Exception as error:
            refuse(f"--{option} {given(endpoint)}: {reasonOf(error)}")

    @property
    def divided(self) -> bool:
        """
        Whether this process is the parent of workers.
        """
        return Worker.current is None and bool(self["workers"] > 1)

    def _workers(self) -> int:
        try:
            return workers(str(self["workers"]))
        except ValueError as error:
            refuse(f"--workers {self['workers']}: {error}")

    def _checkWorkers(self) -> None:
        number = self["workers"]
        if not storeIsShared(self):
            refuse(
                f"--workers {number}: the workers would not see each other's messages, because"
                " each has a store of its own: use --workers 1, or a shared store, such as"
                " --store redis://localhost:6379/0"
            )
        if dict(self.parent or {}).get("chroot"):
            refuse(f"--workers {number}: twistd cannot start workers with --chroot")

    def _portal(self) -> Portal | None:
        try:
            return portalOf(self.get("credCheckers", []), bool(self["anonymous"]), globalReactor())
        except (ValueError, OSError) as error:
            refuse(f"--auth: {fileReasonOf(error)}")

    def _keys(self) -> KeyFile | None:
        path = self["api-keys"]
        if not self["api"]:
            if path is not None:
                refuse(f"--api-keys {path}: requires --api")
            return None
        if self["separate"]:
            refuse("--api: serves one chat, and --separate makes two: run two servers")
        if path is None:
            refuse("--api: requires --api-keys FILE; machat-apikey adds keys to the file")
        try:
            return KeyFile(path)
        except (ValueError, OSError) as error:
            remedy = "; machat-apikey makes it" if isinstance(error, FileNotFoundError) else ""
            refuse(f"--api-keys {path}: {reasonOf(error)}{remedy}")

    def opt_auth(self, description: str) -> None:
        """Require credentials: file:PASSWORDS or jwt:keyfile=FILE; see --help-auth."""
        kind = description.partition(":")[0]  # the rest may be secret
        try:
            self.addChecker(makeChecker(description))
        except InvalidAuthType:
            refuse(f"--auth {kind}: unknown type; see --help-auth for the known ones")
        except Exception as error:
            refuse(f"--auth {kind}: {fileReasonOf(error)}")

    def _stores(self) -> list[IStore]:
        """
        @return: a store for each chat
        """
        if self["separate"] and factoryOf(self["store"])[0].name != "memory":
            refuse("--separate: two chats cannot use one store: run two servers")
        useMonotonic(globalReactor())  # before a store looks at its clock
        try:
            return [
                makeStore(self["store"], cast(IReactorTime, globalReactor()), self["limits"])
                for _ in range(1 + self["separate"])
            ]
        except (ValueError, OSError) as error:
            refuse(f"--store {self['store']}: {reasonOf(error)}")

    def _secrets(self) -> Sequence[bytes]:
        try:
            return webhookSecrets(self["webhook"], self["webhook-secret-file"], self["stores"])
        except ValueError as error:
            refuse(str(error))

    def _limits(self) -> Limits:
        try:
            defaults = factoryOf(self["store"])[0].defaults
        except ValueError as error:
            refuse(f"--store {self['store']}: {error}")
        values: dict[str, Any] = {"maxConnections": availableConnections(), **defaults}
        for name, option in OPTIONS.items():
            if self[name] is not None:
                values[option.field] = self._value(name, option)
        limits = replace(DEFAULTS, **values)
        if limits.pong >= limits.ping:
            refuse(f"--pong {limits.pong}: must be less than --ping, which is {limits.ping}")
        return limits

    def _value(self, name: str, option: LimitOption) -> float | None:
        text = self[name]
        if text == "off" and option.off is not None:
            return option.off
        try:
            return option.parse(text)
        except ValueError as error:
            refuse(f"--{name} {text}: {error}")


def globalReactor() -> IReactorCore:
    """
    @return: the reactor that C{twistd} has installed
    """
    from twisted.internet import reactor

    return cast(IReactorCore, reactor)
