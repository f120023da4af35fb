"""
The findings of C{machat doctor}, as a person reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from machat.client.reasons import line

#: The exit statuses. Each is the number of the check that failed first.
DNS = 10
TCP = 11
TLS = 12
HTTP = 13
CHAT = 14
REFUSED = 15
SILENCE = 16
CLOCK = 17
ADDRESS = 18

#: The texts of the statuses, for C{--help}.
STATUSES = {
    0: "no problem was found",
    2: "the command line is wrong, or the credentials cannot be read",
    DNS: "the host name has no address",
    TCP: "the port does not accept connections",
    TLS: "TLS failed, or the certificate is not valid for the host",
    HTTP: "an HTTP server refused to open the WebSocket",
    CHAT: "the connection closed early, or the server is not MaChat",
    REFUSED: "the chat refused the client",
    SILENCE: "the connection closed during the silence",
    CLOCK: "the clocks differ by more than 30 seconds",
    ADDRESS: "the server sees the address of a proxy instead of the client's",
}


class Finding(NamedTuple):
    """
    The result of a check.

    @ivar check: the name of the check
    @ivar text: what was found, as one line
    @ivar status: one of L{STATUSES}; 0: no problem
    @ivar remedy: what to change, as one line, if there is a problem
    """

    check: str
    text: str
    status: int = 0
    remedy: str = ""


class Report:
    """
    Shows findings, and remembers the first problem.

    @ivar status: the exit status
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        """
        @param write: called with each line
        """
        self.status = 0
        self._write = write

    def add(self, *findings: Finding) -> None:
        """
        Show findings.
        """
        for finding in findings:
            mark = "FAIL" if finding.status else "ok"
            self._write(f"{mark:<6}{finding.check:<9}{line(finding.text)}")
            if finding.remedy:
                self._write(f"{'':<6}{'remedy':<9}{finding.remedy}")
            self.status = self.status or finding.status

    def note(self, text: str) -> None:
        """
        Show what is happening.
        """
        self._write(f"{'...':<6}{text}")
