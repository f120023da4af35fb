"""
Tests for L{machat.tap.parent}: C{twistd machat --workers} with real processes.
"""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from machat.clock import ChatClock
from machat.tap import errors, serving
from machat.tap.options import Options
from machat.tap.parent import Launcher
from machat.workers.process import Times, WorkerProcess
from tests.processes import (
    LOCAL,
    PATIENCE,
    ROOT,
    RawClient,
    ServerTestCase,
    askMonitor,
    makeCertificate,
    portsOf,
    start,
    stop,
    twistd,
    waitForLine,
    withOptions,
)

#: The options of a server with two workers.
TWO = ("--workers", "2", "--ws", "none")


def divided(*arguments: object, options: tuple[str, ...] = ("-n", "-l", "-", "--pidfile=")) -> Any:
    """
    @return: the command of a C{twistd machat} whose workers need not share a store
    """
    program = ROOT / "tests" / "tap" / "divided.py"
    return start(sys.executable, program, *options, "machat", *arguments)


class WorkersTestCase(ServerTestCase):
    """
    Tests with real workers.
    """

    def begin(self, *arguments: object) -> subprocess.Popen[str]:
        """
        @return: a server with two workers that is stopped at the end of the test
        """
        return self.stopAtEnd(divided(*withOptions(*TWO, *arguments)))

    def ready(self, server: subprocess.Popen[str]) -> int:
        """
        @return: the port for lines, when all workers are ready
        """
        (port,) = portsOf(server, "ChatFactory")
        waitForLine(server, "all 2 workers are ready")
        return port

    def processes(self, server: subprocess.Popen[str]) -> list[int]:
        """
        @return: the process ids of the children of a server
        """
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def join(self, port: int, name: str) -> RawClient:
        """
        @return: a client in the room C{dev}, which has sent one message
        """
        client = RawClient(self.connect(port))
        client.send(v=1, name=name, room="dev")
        client.await_("joined")
        client.send(type="say", text="hello")
        client.await_("message")
        return client

    def gone(self, pid: int) -> None:
        """
        Wait until a process has ended.
        """
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            self.assertTrue(select.select([descriptor], [], [], PATIENCE)[0])
        finally:
            os.close(descriptor)


class ServingTests(WorkersTestCase):
    def test_life(self) -> None:
        """
        Two processes serve one port. A killed one is replaced, a rolling restart replaces both
        without a refused connection, and SIGTERM drains them.
        """
        server = self.begin("--tcp", LOCAL, "--monitor", LOCAL)
        (monitor,) = portsOf(server, "_Site")
        port = self.ready(server)
        before = self.processes(server)
        self.assertEqual(len(before), 2)
        self.assertEqual(askMonitor(monitor, "/readyz"), (200, "ready: 2 of 2 workers\n"))
        clients = [self.join(port, f"client{number}") for number in range(20)]
        total = askMonitor(monitor, "/metrics")[1]
        self.assertIn('machat_connections{dialect="events",transport="tcp"} 20.0', total)
        self.assertIn("machat_messages_total 20.0", total)
        each = askMonitor(monitor, "/metrics/workers")[1]
        counts = re.findall(r'^machat_members\{worker="[12]"\} (.*)$', each, re.MULTILINE)
        self.assertEqual(sum(map(float, counts)), 20)
        self.assertIn('"room":"dev","members":20', askMonitor(monitor, "/rooms")[1])

        os.kill(before[0], signal.SIGKILL)
        waitForLine(server, f"(process {before[0]}) was ended by SIGKILL: its replacement starts")
        waiting = [RawClient(self.connect(port)) for _ in range(10)]
        waitForLine(server, "worker 1 is ready")
        for number, client in enumerate(waiting):  # some are in the queue of the killed worker
            client.send(v=1, name=f"waiting{number}", room="dev")
            client.await_("joined")
        self.assertGreaterEqual(float(self.counter(monitor, "machat_messages_total")), 20)

        server.send_signal(signal.SIGUSR2)
        waitForLine(server, "rolling restart of the workers is complete")
        self.assertFalse(set(before) & set(self.processes(server)))
        self.join(port, "last")
        status, out, err = stop(server)
        self.assertEqual(status, 0, out + err)
        self.assertNotIn("Traceback", out + err)
        self.assertIn("[worker 2 ", out)
        self.assertEqual(len(clients), 20)

    def counter(self, monitor: int, name: str) -> str:
        found = re.search(rf"^{name} (.*)$", askMonitor(monitor, "/metrics")[1], re.MULTILINE)
        assert found is not None
        return found[1]

    def test_parentKilled(self) -> None:
        """
        If the parent is killed, the workers dismiss their clients and end.
        """
        server = self.begin("--tcp", LOCAL)
        port = self.ready(server)
        workers = self.processes(server)
        client = self.join(port, "Mina")
        server.kill()
        self.assertEqual(client.await_("bye")["code"], 3001)
        client.close()
        for pid in workers:
            self.gone(pid)

    def test_secondSignal(self) -> None:
        """
        A second signal ends all processes at once, also a worker that hangs.
        """
        server = self.begin("--tcp", LOCAL)
        self.ready(server)
        workers = self.processes(server)
        os.kill(workers[0], signal.SIGSTOP)
        server.terminate()
        waitForLine(server, "worker 2 twisted.scripts._twistd_unix.UnixAppLogger#info] Server Shut")
        server.terminate()
        server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, -signal.SIGTERM)
        for pid in workers:
            self.gone(pid)

    def test_shared(self) -> None:
        """
        TLS and UNIX sockets are served too. A worker that ends does not remove the path, which the
        parent removes.
        """
        key, path = self.mktemp(), self.mktemp()
        makeCertificate(key, key + ".pem")
        server = self.begin(
            *("--tcp", f"unix:{path}"),
            *("--tcp", f"haproxy:ssl:0:privateKey={key}:certKey={key}.pem"),
        )
        waitForLine(server, "all 2 workers are ready")
        server.send_signal(signal.SIGHUP)
        # The lines of a worker may be written later than those of the parent.
        awaited = {
            "worker 1 machat.tap.listener.Listener#info] --tcp haproxy:ssl:0",
            "reload of the workers is complete",
        }
        while awaited:
            line = waitForLine(server, "worker")
            awaited = {text for text in awaited if text not in line}
        for pid in self.processes(server):
            os.kill(pid, signal.SIGTERM)
            waitForLine(server, "its replacement starts now")
            waitForLine(server, "is ready")
        client = RawClient(self.connect(path))
        client.send(v=1, name="Mina", room="dev")
        client.await_("joined")
        self.assertEqual(stop(server)[0], 0)
        self.assertFalse(os.path.lexists(path) or os.path.lexists(f"{path}.lock"))

    def test_daemon(self) -> None:
        """
        C{twistd} in the background writes the process id of the parent, and one log.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        pid, log = folder / "pid", folder / "log"
        options = (f"--pidfile={pid}", f"--logfile={log}")
        launched = self.stopAtEnd(divided(*TWO, "--tcp", LOCAL, options=options))
        self.assertEqual(launched.wait(PATIENCE), 0)
        parent = int(pid.read_text())
        self.addCleanup(self.kill, pid)
        reading = self.stopAtEnd(start("tail", "-n", "+1", "-F", log))
        waitForLine(reading, "all 2 workers are ready")
        os.kill(parent, signal.SIGTERM)
        waitForLine(
            reading, "worker 1 twisted.scripts._twistd_unix.UnixAppLogger#info] Server Shut"
        )
        self.gone(parent)
        self.assertFalse(pid.exists())

    def kill(self, path: Path) -> None:
        """
        Kill the process that a PID file names, if it exists.
        """
        if path.exists():
            os.kill(int(path.read_text()), signal.SIGKILL)


class RecordingReactor(MemoryReactor):
    """
    Records the processes to start.
    """

    def __init__(self) -> None:
        MemoryReactor.__init__(self)
        self.spawned: list[tuple[Any, ...]] = []

    def spawnProcess(self, *arguments: Any, childFDs: Any) -> Any:
        self.spawned.append((*arguments, childFDs))


class LauncherTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = RecordingReactor()
        options: Any = Options()
        options.update({"workers": 2, "tcp": ["tcp:0:interface=127.0.0.1"], "ws": []})
        options.arguments = ["--workers", "2"]
        self.launcher = Launcher(self.reactor, options, False)
        self.addCleanup(self.launcher.close)

    def test_launch(self) -> None:
        """
        A process inherits the sockets of its worker, and no notification of the service manager.
        """
        self.patch(os, "environ", {**os.environ, "NOTIFY_SOCKET": "/run/notify"})
        self.launcher.privilegedStartService()
        self.launcher.startService()
        for number in (1, 2):
            process = WorkerProcess(number, Times(ChatClock(Clock()), 30.0))
            self.launcher.launch(process)
            spawned, _, words, environment, folder, descriptors = self.reactor.spawned[-1]
            self.assertIs(spawned, process)
            self.assertEqual(words[-2:], ["--workers", "2"])
            self.assertEqual(words[-3], '{"tcp": [5], "ws": [], "api": []}')
            self.assertEqual(environment, {**environment, "PATH": os.environ["PATH"]})
            self.assertNotIn("NOTIFY_SOCKET", environment)
            self.assertEqual(folder, os.getcwd())
            self.assertEqual(
                {**descriptors, 0: 0, 5: 0}, {0: 0, 1: "r", 2: "r", 3: "w", 4: "r", 5: 0}
            )
        first, second = (spawned[-1][5] for spawned in self.reactor.spawned)
        self.assertNotEqual(first, second)

    def test_twist(self) -> None:
        """
        C{twist} does not call C{privilegedStartService}; the sockets are open nevertheless.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        root = serving.Root(self.reactor)
        self.launcher.setServiceParent(root)
        root.startService()
        self.launcher.launch(WorkerProcess(1, Times(ChatClock(Clock()), 30.0)))
        self.assertEqual(len(self.reactor.spawned), 1)

    def test_descriptors(self) -> None:
        """
        A limit on descriptors that is too low for all workers is reported with the remedy.
        """
        self.patch(resource, "getrlimit", lambda kind: (30, 30))
        lines: list[str] = []
        self.patch(errors, "complain", lines.append)
        self.assertRaises(SystemExit, self.launcher.privilegedStartService)
        self.assertRegex(
            lines[0],
            "--workers 2: the parent needs [0-9]+ file descriptors, but may open only 30: raise the"
            " limit with ulimit -n",
        )


class RefusalTests(WorkersTestCase):
    """
    A server with workers that cannot start is reported in one line.
    """

    def refusal(self, server: subprocess.Popen[str]) -> str:
        """
        @return: the only error line of a server that does not start
        """
        self.stopAtEnd(server)
        out, err = server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, 1, out + err)
        self.assertNotIn("Traceback", out + err)
        (line,) = err.splitlines()
        return line

    def test_store(self) -> None:
        """
        A store that is not shared is refused, with the remedy.
        """
        self.assertEqual(
            self.refusal(twistd("--workers", "2")),
            "machat: --workers 2: the workers would not see each other's messages, because each"
            " has a store of its own: use --workers 1, or a shared store, such as --store"
            " redis://localhost:6379/0",
        )

    def test_portTaken(self) -> None:
        """
        A port on which another server listens is refused, even if that server shares it with its
        own workers.
        """
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", 0))
            other.listen()
            endpoint = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
            line = self.refusal(divided(*TWO, "--tcp", endpoint))
        self.assertEqual(line, f"machat: --tcp {endpoint}: Address already in use")

    def test_workerFails(self) -> None:
        """
        If a worker cannot start, the server ends, and names the reason.
        """
        self.patchPath("os.write(2, b'broken'); os._exit(3)")
        line = self.refusal(divided(*TWO, "--tcp", LOCAL))
        self.assertRegex(line, "machat: cannot start: worker [12] ended with status 3: broken")

    def patchPath(self, code: str) -> None:
        """
        Run code in each worker before it starts.
        """
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(
            f"import os, sys\nif 'machat.workers' in sys.orig_argv:\n    {code}\n"
        )
        self.patch(os, "environ", {**os.environ, "PYTHONPATH": str(folder)})
