"""
The command line of C{machat doctor}.
"""

from __future__ import annotations

import secrets
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from machat.cli.connecting import NoCredentials, addCredentials, credentials
from machat.cli.doctor import probes
from machat.cli.doctor.address import Address, parse
from machat.cli.doctor.checks import examine
from machat.cli.doctor.report import STATUSES, Report
from machat.cli.doctor.visit import Visit
from machat.clock import useMonotonic
from machat.commands import Hello
from machat.wire import VERSION

#: The default time of silence, seconds. Many proxies close a connection after 60 seconds.
IDLE = 70.0

#: The default time to wait for each answer, seconds.
TIMEOUT = 10.0

_STATUSES = "\n".join(f"  {number:>2}  {text}" for number, text in STATUSES.items())


def parser() -> ArgumentParser:
    """
    @return: the parser of the command line
    """
    parser = ArgumentParser(
        prog="machat doctor",
        description="Find out why a client cannot connect, or is disconnected.",
        epilog=f"exit status, of the first problem:\n{_STATUSES}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("address", help="host:port, tls:host:port, ws://..., wss://..., or the page: https://...")
    add("--name", default=f"doctor-{secrets.token_hex(4)}", help="the name in the chat")
    add("--room", default=f"doctor-{secrets.token_hex(4)}", help="the room; by default a new one")
    addCredentials(parser)
    add("--origin", help="the Origin header of the WebSocket; by default that of its own host")
    add("--idle", type=_seconds, default=IDLE, metavar="S", help="seconds of silence, 70; 0: none")
    add("--timeout", type=_seconds, default=TIMEOUT, metavar="S", help="seconds per answer, 10")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86_400:
        raise ValueError(text)
    return value


def run(arguments: Sequence[str]) -> None:
    """
    Run C{machat doctor}.

    @param arguments: the words after C{doctor}
    @raise SystemExit: always, with one of C{STATUSES}
    """
    command = parser()
    options = command.parse_args(arguments)
    try:
        address = parse(options.address, options.origin)
    except ValueError as error:
        command.error(f"{options.address}: {error}")
    try:
        hello = _hello(options)
    except (NoCredentials, OSError, ValueError) as error:
        command.error(f"no credentials: {error}")
    report = Report(lambda text: print(text, flush=True))
    try:
        _begin(address, options, report)
    except probes.Unreachable as unreachable:
        report.add(unreachable.finding)
        sys.exit(report.status)
    react(lambda reactor: Deferred.fromCoroutine(_visit(reactor, address, hello, options, report)))


def _hello(options: Namespace) -> Hello:
    options.password = False
    auth = credentials(options)()
    hello = Hello(options.name, options.room, VERSION, presence=False)
    return replace(hello, password=auth.password, token=auth.token)


def _begin(address: Address, options: Namespace, report: Report) -> None:
    found, hosts = probes.resolve(address)
    report.add(found)
    report.add(*probes.connect(address, hosts, options.timeout))
    if address.secure:
        report.add(probes.negotiate(address, options.timeout))


async def _visit(
    reactor: Any, address: Address, hello: Hello, options: Namespace, report: Report
) -> None:
    useMonotonic(reactor)
    visit = Visit(reactor, options.timeout)
    try:
        await examine(visit, address, hello, report, options.idle)
    finally:
        visit.close()
    sys.exit(report.status)
