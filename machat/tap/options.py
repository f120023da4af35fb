"""
The command line. Every limit of L{machat.limits} that an operator may have a
wish for is an option.
"""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple, cast

from msgspec.structs import replace
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.cred.strcred import AuthOptionMixin, InvalidAuthType, makeChecker
from twisted.internet.interfaces import IReactorCore
from twisted.python import usage

from machat import __version__
from machat.auth.credentials import IToken
from machat.http.origins import Hosts, Origins
from machat.limits import DEFAULTS, UNLIMITED, Limits
from machat.tap.checkers import portalOf
from machat.tap.endpoints import Endpoint

#: The share of the process's descriptors that connections may take.
CONNECTIONS = 0.9

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SPANS = {"": 1, "s": 1, "m": 60, "h": 3600}


def count(text: str) -> int:
    """
    @param text: a whole number from 1 on
    @raise ValueError: it is none
    """
    return _quantity(text, {"": 1})


def size(text: str) -> int:
    """
    @param text: bytes, a whole number from 1 on, or with the unit C{KiB}, C{MiB} or C{GiB}
    @raise ValueError: it is none
    """
    return _quantity(text, _UNITS)


def _quantity(text: str, units: dict[str, int]) -> int:
    match = re.fullmatch(r"([0-9]{1,15})([A-Za-z]*)", text, re.ASCII)
    if match is None or match[2] not in units or not int(match[1]):
        raise ValueError(f"not a number from 1 on{_among(units)}")
    return int(match[1]) * units[match[2]]


def seconds(text: str) -> float:
    """
    @param text: a number above 0, or with the unit C{s}, C{m} or C{h}
    @raise ValueError: it is none
    """
    match = re.fullmatch(r"([0-9]{0,9}\.?[0-9]{0,6})([a-z]?)", text, re.ASCII)
    if match is None or match[2] not in _SPANS or match[1] in ("", ".") or not float(match[1]):
        raise ValueError(f"not a time above 0{_among(_SPANS)}")
    return float(match[1]) * _SPANS[match[2]]


def whole(text: str) -> int:
    """
    @param text: as for L{seconds}, but a whole number of them
    @raise ValueError: it is none
    """
    value = seconds(text)
    if value != int(value):
        raise ValueError("not whole seconds")
    return int(value)


def perSecond(text: str) -> float:
    """
    @param text: a number above 0
    @raise ValueError: it is none
    """
    if re.fullmatch(r"[0-9]{0,9}\.?[0-9]{0,3}", text, re.ASCII) is None or not text.strip("0."):
        raise ValueError("not a number above 0")
    return float(text)


def _among(units: dict[str, int]) -> str:
    named = ", ".join(unit for unit in units if unit)
    return f", with a unit if you like: {named}" if named else ""


class Refused(usage.UsageError):
    """
    The command line is wrong, and standard error says so.
    """


class _Option(NamedTuple):
    """
    One limit as an option.

    @ivar off: what C{off} means, if one may say so
    """

    field: str
    parse: Callable[[str], float]
    text: str
    off: float | None = None


#: The options by name, in the order of the help.
OPTIONS = {
    "rate": _Option("rate", perSecond, "Messages a client may send in a second, or off.", inf),
    "burst": _Option("burst", count, "Messages it may send at once before that counts."),
    "rate-bytes": _Option(
        "rateBytes", size, "Bytes that count as one message; longer ones count as more.", UNLIMITED
    ),
    "room-rate": _Option(
        "roomRate", size, "Bytes that clients may send to one room in a second, or off.", inf
    ),
    "address-rate": _Option(
        "addressRate", size, "Bytes that may come from one address in a second, or off.", inf
    ),
    "max-line": _Option("maxLine", size, "The longest line or message of a client, bytes."),
    "max-waiting": _Option("maxWaiting", size, "Output that may wait for one client, bytes."),
    "max-waiting-total": _Option(
        "maxWaitingTotal", size, "Output that may wait for all together, bytes, or off.", UNLIMITED
    ),
    "max-stall": _Option("maxStall", seconds, "Time without progress for what waits."),
    "max-connections": _Option(
        "maxConnections",
        count,
        "Connections in all, or off; else 0.9 of the descriptors.",
        UNLIMITED,
    ),
    "max-per-address": _Option(
        "maxPerAddress", count, "Connections from one address (/64 of IPv6), or off.", UNLIMITED
    ),
    "max-per-user": _Option("maxPerUser", count, "Connections of one user, with --auth."),
    "max-failures": _Option(
        "maxFailures", count, "Wrong credentials from one address in a minute."
    ),
    "max-rooms": _Option("maxRooms", count, "Rooms of one connection."),
    "max-members": _Option("maxMembers", count, "Members of one room, or off.", UNLIMITED),
    "max-history": _Option("maxHistory", count, "Messages replayed, or asked for, at once."),
    "max-sanctions": _Option("maxSanctions", count, "Active mutes and bans in all rooms."),
    "max-sanctions-per-room": _Option(
        "maxSanctionsPerRoom", count, "Active mutes and bans in one room."
    ),
    "max-sanctions-per-moderator": _Option(
        "maxSanctionsPerModerator", count, "Active mutes and bans by one moderator."
    ),
    "join-timeout": _Option("joinTimeout", seconds, "From the connection to having joined."),
    "close-timeout": _Option(
        "closeTimeout", seconds, "For the last bytes of a closing connection."
    ),
    "ping": _Option("ping", whole, "How often a client is asked whether it is there."),
    "pong": _Option("pong", whole, "How long it may take to answer."),
    "log-messages": _Option("logMessages", count, "Messages that a room's log keeps."),
    "log-bytes": _Option("logBytes", size, "Bytes of memory that a room's log may take."),
    "log-age": _Option("logAge", seconds, "How long a room's log keeps a message."),
    "log-total": _Option("logTotal", size, "Bytes of memory that the logs of all rooms may take."),
}


def _shown(value: float) -> str:
    return "off" if value in (inf, UNLIMITED) else f"{value:.15g}"


class Options(usage.Options, AuthOptionMixin):
    """
    The command line of C{twistd machat}.
    """

    supportedInterfaces = (IUsernamePassword, IToken)
    synopsis = "[options]"
    longdesc = (
        "A chat room: TCP lines and WebSockets (at /mychat) meet in the same rooms. An endpoint is "
        "a strports string, for example tcp:8989 or unix:/run/machat. Sizes may be given as 64KiB "
        "or 1MiB, times as 30s, 5m or 24h."
    )
    optFlags = [
        ["separate", None, "Give TCP and WebSocket each a chat of its own."],
        ["check", None, "Check the options, say what is wrong or nothing, and end."],
        ["anonymous", None, "With --auth, let people in without credentials too."],
        ["no-page", None, "Serve no page to browsers beside the WebSocket."],
    ]
    optParameters = [
        ["monitor", None, None, "Serve metrics and health on this endpoint, best on loopback."],
        ["trust-proxy", None, 0, "Proxies in front that tell addresses (X-Forwarded-For).", count],
        ["shutdown-timeout", None, 30.0, "Time for the whole of a stop.", seconds],
        *[
            [
                name,
                None,
                None,
                f"{option.text} [default: {_shown(getattr(DEFAULTS, option.field))}]",
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
        self["origins"] = []
        self["hosts"] = []

    def opt_version(self) -> None:
        """Print MaChat's version, and exit."""
        print(f"MaChat {__version__}")
        raise SystemExit(0)

    def opt_tcp(self, endpoint: str) -> None:
        """Serve lines here; repeatable, or "none". [default: tcp:8989:interface=127.0.0.1]"""
        self["tcp"].append(endpoint)

    def opt_ws(self, endpoint: str) -> None:
        """Serve WebSockets here; repeatable, or "none". [default: tcp:8099:interface=127.0.0.1]"""
        self["ws"].append(endpoint)

    def opt_origin(self, origin: str) -> None:
        """Let pages from here open WebSockets too, as https://*.example.com; repeatable."""
        self._take("origin", origin, Origins)

    def opt_host(self, host: str) -> None:
        """Answer requests for this host only, or for any: "*"; repeatable."""
        self._take("host", host, Hosts)

    def _take(self, name: str, value: str, check: Callable[[list[str]], object]) -> None:
        try:
            check([value])
        except ValueError as error:
            _refuse(f"--{name} {ascii(value)[1:-1]}: {error}")
        self[f"{name}s"].append(value)

    def parseOptions(self, options: list[str] | None = None) -> None:
        """
        Read the command line. If it is wrong, end the process with an error status: C{twistd} does
        so since Twisted 26 alone.
        """
        try:
            usage.Options.parseOptions(self, options)
        except usage.UsageError as error:
            if self.parent is None:
                raise
            if not isinstance(error, Refused):
                complain(str(error))
            raise SystemExit(1) from None

    def postOptions(self) -> None:
        """
        Check the endpoints, and make C{limits} of the others.

        @raise usage.UsageError: names the option and what cannot be used
        """
        self._checkEndpoints()
        self["limits"] = self._limits()
        self["portal"] = self._portal()
        if self["check"]:
            raise SystemExit(0)

    def _checkEndpoints(self) -> None:
        for option, default in (("tcp", "8989"), ("ws", "8099")):
            given = self[option] or [f"tcp:{default}:interface=127.0.0.1"]
            self[option] = [endpoint for endpoint in given if endpoint != "none"]
            for endpoint in self[option]:
                self._check(option, endpoint)
        if self["monitor"] is not None:
            self._check("monitor", self["monitor"])
        if not self["tcp"] and not self["ws"]:
            _refuse("--tcp none and --ws none leave nothing to serve")

    def _check(self, option: str, endpoint: str) -> None:
        try:
            Endpoint(globalReactor(), endpoint)
        except Exception as error:
            _refuse(f"--{option} {endpoint}: {reasonOf(error)}")

    def _portal(self) -> Portal | None:
        try:
            return portalOf(self.get("credCheckers", []), bool(self["anonymous"]), globalReactor())
        except (ValueError, OSError) as error:
            _refuse(f"--auth: {reasonOf(error)}")
            raise

    def opt_auth(self, description: str) -> None:
        """Ask for credentials, as file:PASSWORDS or jwt:keyfile=FILE; see --help-auth."""
        kind = description.partition(":")[0]  # what is behind it may be secret
        try:
            self.addChecker(makeChecker(description))
        except InvalidAuthType:
            _refuse(f"--auth {kind}: there is no such type: see --help-auth")
        except Exception as error:
            _refuse(f"--auth {kind}: {reasonOf(error)}")

    def _limits(self) -> Limits:
        values: dict[str, Any] = {"maxConnections": availableConnections()}
        for name, option in OPTIONS.items():
            if self[name] is not None:
                values[option.field] = self._value(name, option)
        limits = replace(DEFAULTS, **values)
        if limits.pong >= limits.ping:
            _refuse(f"--pong {limits.pong}: has to be less than --ping, which is {limits.ping}")
        return limits

    def _value(self, name: str, option: _Option) -> float | None:
        text = self[name]
        if text == "off" and option.off is not None:
            return option.off
        try:
            return option.parse(text)
        except ValueError as error:
            _refuse(f"--{name} {text}: {error}")
            raise


def availableConnections() -> int:
    """
    @return: the connections for which there are descriptors, once the process has all that it may
        have
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return UNLIMITED if limit == resource.RLIM_INFINITY else int(limit * CONNECTIONS)


def raiseDescriptors() -> None:
    """
    Take all the descriptors that the process may have.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def globalReactor() -> IReactorCore:
    """
    @return: the reactor that C{twistd} has chosen
    """
    from twisted.internet import reactor

    return cast(IReactorCore, reactor)


def complain(message: str) -> None:
    """
    Write a line to the real standard error: C{twistd} sends C{sys.stderr} to its log.
    """
    print(f"machat: {message}", file=sys.__stderr__, flush=True)


def _refuse(message: str) -> None:
    complain(message)
    raise Refused(message)


def reasonOf(error: BaseException | None) -> str:
    """
    @return: an exception in one line
    """
    cause = getattr(error, "socketError", error)
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return " ".join(str(text).split())
