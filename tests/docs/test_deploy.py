"""
The files in C{deploy} for systemd, Grafana and Prometheus.
"""

from __future__ import annotations

import json
import re
import shlex

from twisted.trial.unittest import SynchronousTestCase

from machat.metrics import Histogram
from machat.monitor.collector import ChatCollector
from machat.testing import MemoryChat
from tests.processes import (
    BIN,
    ROOT,
    RawClient,
    RawWebSocketClient,
    ServerTestCase,
    find,
    freePort,
    start,
    waitForLine,
)

DEPLOY = ROOT / "deploy"


def measured() -> set[str]:
    """
    @return: the names of a monitor's metrics, as Prometheus stores them
    """
    chat = MemoryChat()
    found = set()
    for family in ChatCollector(chat.clock, [chat.service], Histogram((1.0,))).collect():
        suffix = {"counter": "_total", "histogram": "_bucket"}.get(family.type, "")
        found.add(family.name + suffix)
    return found


#: The metrics of MaChat.
OWN = measured()

#: The metrics of C{--workers}.
WORKERS = {"machat_worker_up"}

#: The metrics of the process that C{prometheus_client} adds.
PROCESS = {
    *("process_open_fds", "process_max_fds", "process_resident_memory_bytes"),
    "process_cpu_seconds_total",
}


def metrics(text: str) -> set[str]:
    """
    @return: the names of metrics in an expression
    """
    return set(re.findall(r"\b(?:machat|process)_\w+", text))


class DashboardTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.dashboard = json.loads((DEPLOY / "grafana.json").read_text())
        self.panels = [panel for panel in self.dashboard["panels"] if panel["type"] != "row"]
        self.targets = [target for panel in self.panels for target in panel["targets"]]

    def test_metrics(self) -> None:
        """
        The dashboard shows all metrics of MaChat, and no others.
        """
        shown = set().union(*(metrics(target["expr"]) for target in self.targets))
        self.assertEqual(shown, OWN | PROCESS)

    def test_source(self) -> None:
        """
        All panels use the data source that the user selects.
        """
        names = [variable["name"] for variable in self.dashboard["templating"]["list"]]
        self.assertEqual(names, ["datasource", "job", "instance"])
        for shown in (*self.panels, *self.targets):
            self.assertEqual(shown["datasource"]["uid"], "${datasource}")

    def test_layout(self) -> None:
        """
        Every panel has its own number and its own position.
        """
        panels = self.dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        places = [place for panel in panels for place in self.cells(panel["gridPos"])]
        self.assertEqual(len(set(places)), len(places))

    def cells(self, place: dict[str, int]) -> list[tuple[int, int]]:
        columns = range(place["x"], place["x"] + place["w"])
        return [(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])]


class AlertTests(SynchronousTestCase):
    def setUp(self) -> None:
        _, *alerts = (DEPLOY / "alerts.yml").read_text().split("- alert: ")
        self.alerts = {
            alert.split()[0]: dict(re.findall(r"^ +(\w+): (.+)$", alert, re.MULTILINE))
            for alert in alerts
        }

    def test_metrics(self) -> None:
        """
        Each alert uses a metric of MaChat, or whether MaChat answers.
        """
        self.assertEqual(len(self.alerts), 10)
        for name, alert in self.alerts.items():
            known = OWN | PROCESS | WORKERS
            self.assertLessEqual(metrics(alert["expr"]), known, name)
            self.assertTrue(metrics(alert["expr"]) or alert["expr"].startswith("up{"), name)

    def test_summary(self) -> None:
        """
        Each alert names the affected instance, and after a colon the remedy.
        """
        for name, alert in self.alerts.items():
            self.assertRegex(alert["labels"], r"severity: (warning|critical)}", name)
            self.assertRegex(alert["summary"], r'^"\{\{ \$labels\.instance \}\} .+: .+\."$', name)


class UnitTests(ServerTestCase):
    """
    The units of systemd.
    """

    def setUp(self) -> None:
        self.service = self.settings("machat.service")
        self.command = shlex.split(self.service["ExecStart"].replace("/opt/machat/bin", str(BIN)))

    def settings(self, name: str) -> dict[str, str]:
        """
        @return: the last value of each setting of a unit
        """
        unit = (DEPLOY / "systemd" / name).read_text().replace("\\\n", "")
        return dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))

    def test_stop(self) -> None:
        """
        systemd waits longer for a stop than MaChat does.
        """
        patience = int(self.command[self.command.index("--shutdown-timeout") + 1])
        self.assertGreater(int(self.service["TimeoutStopSec"]), patience)

    def test_sockets(self) -> None:
        """
        The service's command refers to the sockets by name, in either order of activation.
        """
        activate = find("systemd-socket-activate")
        sockets = [self.settings(f"machat-{name}.socket") for name in ("ws", "tcp")]
        names = ":".join(socket["FileDescriptorName"] for socket in sockets)
        ws, tcp = freePort(), freePort()
        options = [f"--listen=127.0.0.1:{port}" for port in (ws, tcp)]
        options += [f"--fdname={names}", f"--setenv=PYTHONPATH={ROOT}"]
        command = self.command[: self.command.index("--monitor")]  # its port may be in use here
        self.stopAtEnd(start(activate, *options, *command))
        self.meet(RawClient(tcp), RawWebSocketClient(ws))

    def test_instances(self) -> None:
        """
        Two instances of the template serve the same ports.
        """
        template = self.settings("machat@.service")
        self.assertEqual(template["User"], "machat")
        tcp, ws = freePort(), freePort()
        command = template["ExecStart"].replace("/opt/machat/bin", str(BIN))
        command = command.replace(":8989:", f":{tcp}:").replace(":8099:", f":{ws}:")
        words = shlex.split(command[: command.index("--monitor")])
        at = words.index("--store")  # the test needs no server for the store
        del words[at : at + 2]
        for _ in range(2):
            server = self.stopAtEnd(start(*words))
            waitForLine(server, f"ChatWebSocketFactory starting on {ws}")
        client = RawClient(self.connect(tcp))
        client.send(v=1, name="Mina", room="dev")
        client.await_("joined")
