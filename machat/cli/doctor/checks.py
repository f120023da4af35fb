"""
The checks of C{machat doctor} on a connection to the chat.
"""

from __future__ import annotations

import time
from ipaddress import ip_address

from machat.cli.doctor import remedies
from machat.cli.doctor.address import Address
from machat.cli.doctor.report import ADDRESS, CLOCK, Finding, Report
from machat.cli.doctor.visit import Ended, Refused, Visit
from machat.commands import Hello, Ping
from machat.events import Joined, Pong, Welcome

#: The difference of two clocks above which tokens may be refused, seconds.
CLOCKS = 30.0

#: The number of pings.
PINGS = 3


async def examine(
    visit: Visit, address: Address, hello: Hello, report: Report, idle: float
) -> None:
    """
    Join the chat, and stay silent for a time.

    @param visit: makes the connection
    @param hello: names a room
    @param idle: the time of silence, seconds; 0: none
    """
    try:
        await visit.open(address.dialled, address.origin)
    except Ended as ended:
        report.add(remedies.ofEnd(ended, address))
        return
    if address.origin is not None:
        report.add(
            Finding("HTTP", f"101 Switching Protocols, the origin {address.origin} is allowed")
        )
    try:
        welcome: Welcome = await visit.ask(hello, Welcome)
        joined: Joined = await visit.wait(Joined)
        report.add(Finding("chat", f"{welcome.server}, version {welcome.v}; joined {joined.room}"))
        pong, trip, clocks = await _ping(visit)
    except Ended as ended:
        report.add(remedies.ofEnd(ended, address))
        return
    except Refused as refused:
        report.add(remedies.ofRefusal(refused))
        return
    report.add(Finding("ping", f"the answer takes {trip * 1000:.1f} ms, the best of {PINGS}"))
    if pong.at is not None and pong.address is not None:
        report.add(ofClocks(clocks), ofAddress(pong.address, address.host))
    if idle:
        await _wait(visit, report, idle, welcome.ping)


async def _ping(visit: Visit) -> tuple[Pong, float, float]:
    """
    @return: the answer to the fastest ping, the time that it took, and the difference of the
        clocks, seconds
    """
    best: tuple[float, float, Pong] | None = None
    for number in range(PINGS):
        began, at = time.monotonic(), time.time()
        pong = await visit.ask(Ping(details=True, id=str(number)), Pong)
        trip = time.monotonic() - began
        clocks = 0.0 if pong.at is None else at + trip / 2 - pong.at / 1000
        if best is None or trip < best[0]:
            best = trip, clocks, pong
    assert best is not None
    trip, clocks, pong = best
    return pong, trip, clocks


def ofClocks(difference: float) -> Finding:
    """
    @param difference: the time by which this machine's clock is ahead of the server's, seconds
    @return: the finding
    """
    if abs(difference) <= CLOCKS:
        return Finding("clock", f"this machine's clock differs by {abs(difference):.1f} s")
    order = "ahead of" if difference > 0 else "behind"
    text = f"this machine's clock is {abs(difference):.0f} s {order} the server's"
    remedy = "synchronize both clocks (timedatectl set-ntp true): tokens have times"
    return Finding("clock", text, CLOCK, remedy)


def ofAddress(seen: str, host: str) -> Finding:
    """
    @param seen: the client's address as the server sees it, or C{unix}
    @param host: the server's IP address
    @return: the finding
    """
    text = f"the server sees this client at {seen}"
    if _isLocal(seen.rpartition(":")[0]) and not _isLocal(host):
        remedy = (
            "let the proxy forward the address: X-Forwarded-For and --trust-proxy 1, or the PROXY "
            "protocol and a haproxy: endpoint"
        )
        return Finding("address", text, ADDRESS, remedy)
    return Finding("address", text)


def _isLocal(host: str) -> bool:
    """
    @return: whether an address is not one of the Internet. The path of a UNIX socket is not
    """
    try:
        return not ip_address(host).is_global
    except ValueError:
        return True


async def _wait(visit: Visit, report: Report, idle: float, ping: int) -> None:
    report.note(f"silence for {idle:g} s; --idle 0 skips this")
    began = time.monotonic()
    try:
        await visit.listen(idle)
    except Ended as ended:
        report.add(remedies.ofSilence(ended, time.monotonic() - began, ping))
    else:
        report.add(Finding("silence", f"the connection is open after {idle:g} s"))
