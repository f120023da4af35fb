"""
Tests with real processes: C{twistd machat} while the system clock is set, and after a standstill.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

from tests.processes import (
    LOCAL,
    PATIENCE,
    RawClient,
    ServerTestCase,
    askMonitor,
    portsOf,
    readUntil,
    start,
    waitForLine,
)

#: A C{twistd} that treats each SIGUSR2 as a change of the clock by so many seconds.
TWISTD = """
import os, signal, sys, time

system, offset, jump = time.time, 0, float(sys.argv.pop(1))

def set(number, frame):
    global offset
    offset += jump
    os.write(1, b"the clock is set\\n")

time.time = lambda: system() + offset
signal.signal(signal.SIGUSR2, set)
from twisted.scripts.twistd import run
run()
"""


class StandstillTestCase(ServerTestCase):
    """
    Tests with a server that has a monitor.
    """

    def serveWith(self, jump: int, *arguments: str) -> tuple[subprocess.Popen[str], int]:
        """
        @param jump: seconds by which C{SIGUSR2} sets the clock
        @return: a server and its port for lines
        """
        self.server = self.stopAtEnd(
            start(
                *(sys.executable, "-c", TWISTD, jump, "-n", "--pidfile=", "-l", "-", "machat"),
                *("--tcp", LOCAL, "--ws", "none", "--monitor", LOCAL, *arguments),
            )
        )
        self.monitor, tcp = portsOf(self.server, "_Site", "ChatFactory")
        return self.server, tcp

    def await_(self, metric: str, least: int) -> None:
        """
        Wait until a metric has reached a value.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            status, page = askMonitor(self.monitor, "/metrics")
            self.assertEqual(status, 200)
            found = re.findall(rf"^{metric}(?:\{{.*\}})? (\S+)$", page, re.M)
            if sum(map(float, found)) >= least:
                return
            time.sleep(0.05)
        raise AssertionError(f"{metric} is below {least}")

    def standStill(self, seconds: float) -> None:
        """
        Stop the process, and resume it after a while.
        """
        self.server.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.server.pid, os.WSTOPPED)
        time.sleep(seconds)

    def goOn(self) -> None:
        """
        Resume the process.
        """
        self.server.send_signal(signal.SIGCONT)


class ClockTests(StandstillTestCase):
    def test_set(self) -> None:
        """
        If the clock is set back or forward, no client is blocked and pings continue, and messages
        have the time of day.
        """
        for jump in (-20, -3600, 3600):
            server, tcp = self.serveWith(jump, "--ping", "2", "--pong", "1")
            mina = RawClient(tcp)
            self.addCleanup(mina.close)
            mina.send(v=1, name="Mina", room="dev")
            mina.await_("joined")
            mina.await_("ping")
            mina.send(type="pong")
            server.send_signal(signal.SIGUSR2)
            waitForLine(server, "the clock is set")
            for number in range(25):
                mina.send(type="say", text=str(number))
            for number in range(25):
                message = mina.await_("message")
                self.assertEqual(message["text"], str(number))
            self.assertLess(abs(message["at"] / 1000 - time.time() - jump), PATIENCE)
            mina.send(type="ping")
            mina.await_("pong")
            mina.await_("ping")


class StandstillTests(StandstillTestCase):
    def test_hellos(self) -> None:
        """
        Clients whose hello arrived during a standstill longer than the join timeout can join.
        """
        _, tcp = self.serveWith(0, "--join-timeout", "4")
        clients = [self.connect(tcp) for _ in range(50)]
        self.await_("machat_connections", 50)
        self.standStill(0)
        for number, client in enumerate(clients):
            client.sendall(b'{"name": "m%d", "room": "r%d"}\nhello\n' % (number, number))
        time.sleep(4.5)
        self.goOn()
        answers = [readUntil(client, b"\n") for client in clients]
        self.assertEqual(answers, [b"m%d:hello\n" % number for number in range(50)])

    def test_reader(self) -> None:
        """
        A client that reads all the time is not closed as a slow consumer because the server stood
        still.
        """
        _, tcp = self.serveWith(0, "--max-stall", "4", "--rate", "off", "--max-waiting", "64MiB")
        reader = socket.socket()
        self.addCleanup(reader.close)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(PATIENCE)
        reader.connect(("127.0.0.1", tcp))
        reader.sendall(b'{"name": "Mina", "room": "dev"}\n')
        ada = self.connect(tcp)
        ada.sendall(b'{"name": "Ada", "room": "dev"}\n')
        line = b"Ada:" + b"x" * 60_000 + b"\n"
        for _ in range(150):
            ada.sendall(line[4:])
            self.assertEqual(len(ada.recv(len(line), socket.MSG_WAITALL)), len(line))
        self.await_("machat_waiting_bytes", 1)
        self.standStill(5)
        self.goOn()
        left = 150 * len(line)
        while left:
            left -= len(reader.recv(65_536)) or self.fail(f"closed, {left} bytes before the end")
