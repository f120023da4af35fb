"""
Tests for the parts of L{benchmarks}: they count correctly, and report what they could not measure.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from argparse import ArgumentTypeError
from array import array
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from benchmarks.choices import chosenPeers, chosenShapes, named, parseArguments
from benchmarks.compare import Measured, compared, report
from benchmarks.dialects import DIALECTS, STAMP, TextLines
from benchmarks.load import percentiles
from benchmarks.peers import PEERS, Floor, MaChat, Nats, Peer
from benchmarks.peers.brokers import NatsCluster
from benchmarks.peers.relays import Go, PythonFloor
from benchmarks.processes import coresOf, freePorts, process, server
from benchmarks.procfs import usageOf
from benchmarks.results import NAME, measured, summaries, summary, write
from benchmarks.runner import Entry, Outcome, entries, obstacle, prepare
from benchmarks.servers import python_floor
from benchmarks.shapes import GROUPS, QUICK_PEERS, QUICK_SHAPES, SHAPES, Kind, Plan, Shape
from machat.testing import MemoryChat, MemoryClient
from machat.wire.frames import frame
from tests.processes import PATIENCE, ROOT

BY_NAME = {shape.name: shape for shape in SHAPES}


class DialectTests(SynchronousTestCase):
    """
    The load uses the server's dialects, and counts the delivered messages.
    """

    def deliveries(self, name: str, size: int, count: int) -> bytes:
        """
        @return: the data that the server sends to a member of the dialect that posts so many
            messages
        """
        chat = MemoryChat()
        client: MemoryClient = chat.tcp()
        if "frames" in name:
            client = MemoryClient(chat._ws)
        dialect: TextLines = DIALECTS[name]
        client.sendBytes(dialect.opening("Mina", "dev"))
        client.transport.clear()
        client.sendBytes(dialect.hello("Mina", "dev"))
        client.transport.clear()
        say = dialect.speech("dev", size)
        for number in range(count):
            client.sendBytes(say(dialect.stamp(number)))
        chat.turn()
        data: bytes = client.transport.value()
        return data

    def test_machat(self) -> None:
        """
        In each of MaChat's dialects and at each size, a message has one mark and one stamp, in
        order.
        """
        for name in ("lines", "frames", "events", "event-frames"):
            for size in (STAMP, 64, 1024, 16_384):
                data = self.deliveries(name, size, 3)
                self.assertEqual(data.count(b"$"), 3, (name, size))
                stamps = DIALECTS[name].stampFinder()(data, 0, len(data))
                self.assertEqual([int(each, 16) for each in stamps], [0, 1, 2])
                self.assertGreater(len(data), 3 * size)

    def test_pings(self) -> None:
        """
        A ping is answered at any position.
        """
        for name, ping, pong in (
            ("frames", b"\x89\x00", b"\x8a\x80\x11\x22\x33\x44"),
            ("nats", b"PING\r\n", b"PONG\r\n"),
            ("irc", b"PING x\r\n", b"PONG x\r\n"),
        ):
            dialect = DIALECTS[name]
            self.assertIn(dialect.question, ping)
            self.assertEqual(dialect.answer(b"before" + ping + b"behind" + ping), pong * 2)
            self.assertEqual(dialect.answer(b"nothing"), b"")

    def test_openings(self) -> None:
        """
        The hello is sent after the server has accepted the connection, and never after a refusal.
        """
        accepted = b"HTTP/1.1 101 Switching Protocols\r\nServer: nginx\r\n\r\n"
        for name in ("frames", "nchan"):
            dialect = DIALECTS[name]
            self.assertFalse(dialect.opened(accepted[:-1]))
            self.assertTrue(dialect.opened(accepted))
            refused = b"HTTP/1.1 404 Not Found\r\n\r\n"
            self.assertRaises(ConnectionAbortedError, dialect.opened, refused)
        self.assertTrue(DIALECTS["nchan"].opening("u", "r5").startswith(b"GET /r5 HTTP/1.1\r\n"))
        irc = DIALECTS["irc-waiting"]
        self.assertFalse(irc.opened(b":irc.bench NOTICE * :Looking up your hostname\r\n"))
        self.assertTrue(irc.opened(b":irc.bench 001 u :Welcome\r\n"))
        self.assertNotIn(b"JOIN", irc.opening("u", "r"))
        self.assertEqual(
            irc.opening("u", "r") + irc.hello("u", "r"), DIALECTS["irc"].hello("u", "r")
        )

    def test_redis(self) -> None:
        """
        A message is an array of strings whose lengths are correct. Its body is as long as the shape
        requires, and begins with a stamp.
        """
        for name, start in (
            ("redis", [b"PUBLISH", b"r5"]),
            ("redis-streams", [b"XADD", b"r5", b"*", b"m"]),
        ):
            dialect = DIALECTS[name]
            stamp = dialect.stamp(5)
            head, *rest = dialect.speech("r5", 64)(stamp).split(b"\r\n")
            sizes, words = rest[:-1:2], rest[1::2]
            self.assertEqual(head, b"*%d" % len(words))
            self.assertEqual(sizes, [b"$%d" % len(word) for word in words])
            self.assertEqual(words[:-1], start)
            self.assertEqual(words[-1], stamp + b"x" * (64 - STAMP))

    def test_jetstream(self) -> None:
        """
        The acknowledgement of a message contains one mark and the stamp, because the client names
        its subject.
        """
        dialect = DIALECTS["jetstream"]
        head, body, _ = dialect.speech("r5", 64)(dialect.stamp(5)).split(b"\r\n")
        verb, subject, acks, size = head.split()
        self.assertEqual((verb, subject, size, len(body)), (b"PUB", b"rooms.r5", b"64", 64))
        self.assertIn(b"SUB acks.r5.* ", dialect.hello("u", "r5"))
        acknowledgement = b'MSG %b 2 26\r\n{"stream":"bench","seq":1}\r\n' % acks
        found = dialect.stampFinder()(acknowledgement, 0, len(acknowledgement))
        self.assertEqual([int(each, 16) for each in found], [5])
        self.assertEqual(acknowledgement.count(dialect.mark), 1)


class ResultTests(SynchronousTestCase):
    """
    The calculation of results from measurements.
    """

    @given(st.lists(st.integers(0, 10**9), max_size=50))
    def test_percentiles(self, latencies: list[int]) -> None:
        """
        Percentiles are measured values, in milliseconds, in order.
        """
        result = percentiles(array("q", latencies))
        self.assertEqual(result["sampled"], len(latencies))
        found = [result[key] for key in ("p50", "p99", "p999")]
        if latencies:
            self.assertEqual(found, sorted(found))
            self.assertLessEqual(found[-1], max(latencies) / 1e6)
        else:
            self.assertEqual(found, [None] * 3)

    def test_usage(self) -> None:
        """
        A process's time and memory include those of its children.
        """
        before = usageOf(os.getpid())
        self.assertGreater(before.memory, 1_000_000)
        sum(number * number for number in range(3_000_000))
        after = usageOf(os.getpid())
        self.assertGreater(after.cpu, before.cpu)

    def test_plan(self) -> None:
        """
        The load receives the whole plan.
        """
        for shape in SHAPES:
            plan = Plan(shape, "lines", True, (1, 2), (3, 4), 5, "library")
            self.assertEqual(Plan.fromJson(plan.toJson()), plan)

    def test_report(self) -> None:
        """
        Tables contain medians and spreads, and report skipped and failed runs.
        """
        if find_spec("rich") is None:
            raise SkipTest("rich is not installed")
        from rich.console import Console

        from benchmarks.report import show

        run = dict.fromkeys(("deliveriesPerSecond", "deliveriesPerCpu", "p50", "p99"), 0.0)
        outcome = Outcome(Entry(BY_NAME["1x100"], MaChat(), "tcp"))
        outcome.runs = [{**run, "deliveriesPerCpu": n * 1e6, "closed": 0} for n in (3, 1, 2)]
        skipped = Outcome(Entry(BY_NAME["1x100"], Nats(), "tcp"), skipped="not installed: nats")
        failed = Outcome(Entry(BY_NAME["1x100"], Floor(), "tcp"), failed=["it broke"])
        numbers = summary(outcome.runs)["deliveriesPerCpu"]
        self.assertEqual(numbers, {"median": 2e6, "least": 1e6, "most": 3e6})
        console = Console(width=140, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
        show(console, [outcome, skipped, failed])
        console.file.close()
        text = console.export_text()
        for words in ("2.00M", "1.00M..3.00M", "skipped: not installed: nats", "failed: it broke"):
            self.assertIn(words, text)

    def test_files(self) -> None:
        """
        A results file is valid after each run. It contains the outcomes that have results so far.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        outcomes = [Outcome(Entry(BY_NAME["1x100"], peer, "tcp")) for peer in (MaChat(), Nats())]
        write(outcomes, folder, complete=False)
        self.assertEqual(summaries(folder / NAME), {})
        outcomes[0].runs.append({"p50": 2.0, "p99": None})
        outcomes[1].skipped = "not installed: nats-server"
        write(outcomes, folder, complete=True)
        found = json.loads((folder / NAME).read_text())
        self.assertTrue(found["complete"])
        self.assertEqual(
            [each["skipped"] for each in found["results"]], [None, outcomes[1].skipped]
        )
        numbers = {"p50": {"median": 2.0, "least": 2.0, "most": 2.0}}
        self.assertEqual(summaries(folder / NAME), {("1x100", "machat", "tcp"): (1, numbers)})
        self.assertEqual(summaries(folder / NAME), measured(outcomes))
        (folder / "other.json").write_text("[]")
        self.assertRaises(ValueError, summaries, folder / "other.json")

    def test_changes(self) -> None:
        """
        A change is reported if all runs after it differ from all runs before it in the same
        direction, and if there are enough runs.
        """

        def of(*numbers: float, key: str = "deliveriesPerCpu") -> Measured:
            runs = [{key: number} for number in numbers]
            return {("1x100", "machat", "tcp"): (len(runs), summary(runs))}

        for before, after, expected in (
            (
                of(1, 2, 3),
                of(4, 5, 6),
                "better: 1x100 machat tcp: deliveriesPerCpu 2 -> 5 (+150.0%)",
            ),
            (of(4, 5, 6), of(1, 2, 3), "worse: 1x100 machat tcp: deliveriesPerCpu 5 -> 2 (-60.0%)"),
            (of(1, 2, 3), of(3, 4, 5), "no change exceeds the spread"),
            (of(1, 2), of(4, 5, 6), "not compared: 1x100 machat tcp: fewer than 3 runs"),
            (
                of(1, 1, 1, key="p99"),
                of(2, 2, 2, key="p99"),
                "worse: 1x100 machat tcp: p99 1 -> 2 (+100.0%)",
            ),
        ):
            self.assertEqual(report(before, after)[0], expected)
        self.assertEqual(report({}, of(1, 2, 3)), ["compared 0 measurements"])


class ChoiceTests(SynchronousTestCase):
    """
    The selection of measurements, and the reasons for omitted ones.
    """

    def test_shapes(self) -> None:
        """
        All shapes for which the project promises figures are present.
        """
        for name, rooms, members, window in (
            ("1x10", 1, 10, 16),
            ("1x100", 1, 100, 16),
            ("1x1000", 1, 1000, 4),
            ("1x5000", 1, 5000, 4),
            ("200x5", 200, 5, 8),
            ("2000x2", 2000, 2, 2),
        ):
            shape = BY_NAME[name]
            self.assertEqual((shape.rooms, shape.members, shape.window), (rooms, members, window))
        self.assertEqual({shape.size for shape in SHAPES}, {64, 1024, 4096, 16_384})
        self.assertEqual({shape.kind for shape in SHAPES}, set(Kind))
        self.assertEqual([shape.name for shape in SHAPES if shape.tls], ["1x100", "1x1000"])
        self.assertEqual(BY_NAME["idle"].connections, 10_000)
        self.assertEqual([BY_NAME[f"stall-{n}"].stalled for n in (1, 50)], [1, 50])

    def test_entries(self) -> None:
        """
        Each peer is measured on each of its transports that was requested, with TLS where
        required.
        """
        peers: list[Peer] = [MaChat(), Nats()]
        found = entries([BY_NAME["1x100"], BY_NAME["200x5"]], peers, {"tcp", "tls"})
        self.assertEqual(
            [(each.shape.name, each.label) for each in found],
            [
                ("1x100", "machat tcp"),
                ("1x100", "machat tls"),
                ("1x100", "nats tcp"),
                ("200x5", "machat tcp"),
                ("200x5", "nats tcp"),
            ],
        )

    def test_variants(self) -> None:
        """
        Variants and other checkouts of MaChat are measured too, each with its own options and code.
        An option that the server does not have is reported.
        """
        words = ["--peer", "machat", "--peer", "nats", "--checkout", f"old={ROOT}"]
        words += ["--checkout", "gone=/nowhere", "--variant", "long=--max-line 1000"]
        peers = chosenPeers(parseArguments([*words, "--variant", "odd=--no-such-option {store}"]))
        names = ["machat", "old-machat", "gone-machat", "nats", "long", "odd"]
        self.assertEqual([peer.name for peer in peers], names)
        machat, old, gone, _, long, odd = peers
        folder = Path("folder")
        command = machat.command("tcp", 1, folder)
        self.assertEqual(old.command("tcp", 1, folder), command)
        self.assertIn("/nowhere", gone.command("tcp", 1, folder))
        self.assertEqual(set(long.command("tcp", 1, folder)) - {*command}, {"--max-line", "1000"})
        self.assertIn("folder/store", odd.command("tcp", 1, folder))
        missing = [peer.missing("tcp") for peer in (machat, old, gone)]
        self.assertEqual(missing, [None, None, "MaChat in /nowhere"])
        self.assertIn("--no-such-option", str(odd.missing("tcp")))
        for wrong in ("machat=--rate off", "name", "=x", "name="):
            self.assertRaises(ArgumentTypeError, named, wrong)

    def test_groups(self) -> None:
        """
        A group selects its shapes, and C{--quick} its own shapes and peers. A shape with another
        size has another name.
        """
        for name, shapes in GROUPS.items():
            found = [shape.name for shape in chosenShapes(parseArguments(["--shape", name]))]
            self.assertEqual(sorted(found), sorted(shapes))
        quick = parseArguments(["--quick"])
        self.assertEqual([shape.name for shape in chosenShapes(quick)], list(QUICK_SHAPES))
        self.assertEqual({peer.name for peer in chosenPeers(quick)}, set(QUICK_PEERS))
        (shape,) = chosenShapes(parseArguments(["--shape", "1x100", "--size", "80"]))
        self.assertEqual((shape.name, shape.size), ("1x100-80b", 80))

    def test_checkouts(self) -> None:
        """
        The measurements of another checkout are compared with those of this one.
        """
        peers = [MaChat(), MaChat().variant("old-machat"), Nats()]
        outcomes = [Outcome(Entry(BY_NAME["1x100"], peer, "tcp")) for peer in peers]
        for number, outcome in enumerate(outcomes):
            outcome.runs = [{"deliveriesPerCpu": 10.0 - number}] * 3
        lines = report(*compared(outcomes, "old"))
        change = "better: 1x100 machat tcp: deliveriesPerCpu 9 -> 10 (+11.1%)"
        self.assertEqual(lines, [change, "compared 1 measurements"])

    def test_stored(self) -> None:
        """
        Only peers that store messages are measured with the shape that counts acknowledgements, and
        only in that shape if they deliver nothing to others.
        """
        shapes = [BY_NAME["stored-200x1"], BY_NAME["200x5"]]
        found = entries(shapes, PEERS, {"tcp"})
        stored = {each.peer.name for each in found if each.shape.stored}
        chats = {each.peer.name for each in found if not each.shape.stored}
        ours = {"machat", "machat-sqlite", "machat-redis", "machat-redis-2"}
        self.assertEqual(stored, {*ours, "redis-streams", "jetstream"})
        self.assertEqual(stored & chats, ours)
        self.assertTrue({"redis", "ngircd", "inspircd", "nats"} <= chats)

    def test_obstacles(self) -> None:
        """
        A missing program, and a shape that is too large for a peer or this machine, is reported.
        """

        class Absent(MaChat):
            largestRoom = 1_000

            def missing(self, transport: str) -> str | None:
                return "absent" if transport == "ws" else None

        for shape, transport, files, reason in (
            ("1x100", "ws", 10_000, "not installed: absent"),
            ("1x100", "tcp", 10_000, None),
            ("1x1000", "tcp", 1_024, "needs 1200 open files, the limit is 1024"),
            (
                "1x5000",
                "tcp",
                10_000,
                "at most 1000 members can join a room in reasonable time",
            ),
        ):
            entry = Entry(BY_NAME[shape], Absent(), transport)
            self.assertEqual(obstacle(entry, files), reason)
        large = Entry(Shape("large", Kind.THROUGHPUT, 1, 2, size=100_000), MaChat(), "tcp")
        self.assertIn("at most", str(obstacle(large, 10_000)))

    def test_peers(self) -> None:
        """
        Every peer has its own name, and a dialect for each of its transports.
        """
        self.assertEqual(len({peer.name for peer in PEERS}), len(PEERS))
        for peer in PEERS:
            self.assertTrue(set(peer.dialects.values()) <= DIALECTS.keys(), peer.name)


class RelayTests(SynchronousTestCase):
    """
    The floors and the server in Go deliver what MaChat delivers in its text dialect.
    """

    def join(self, dialect: TextLines, port: int, name: str) -> socket.socket:
        """
        @return: a client, after it has received its own message
        """
        client = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.addCleanup(client.close)
        opening, heard = dialect.opening(name, "dev"), b""
        client.sendall(opening)
        while opening and not dialect.opened(heard):
            heard += client.recv(4096)
        client.sendall(dialect.hello(name, "dev"))
        client.sendall(dialect.speech("dev", STAMP)(dialect.stamp(0)))
        self.receive(client, dialect, [b"%b:%b\n" % (name.encode(), dialect.stamp(0))])
        return client

    def receive(self, client: socket.socket, dialect: TextLines, lines: list[bytes]) -> None:
        """
        Check that a client receives these lines next.
        """
        frames = dialect is DIALECTS["frames"]
        expected = b"".join([frame(line) if frames else line for line in lines])
        received = b""
        while len(received) < len(expected) and (data := client.recv(65_536)):
            received += data
        self.assertEqual(received, expected)

    def relays(self, peer: Peer) -> None:
        """
        Check that a server sends each message of a member to both members of the room.
        """
        for transport, name in peer.dialects.items():
            missing = peer.missing(transport)
            if missing is not None:
                raise SkipTest(f"not installed: {missing}")
            folder, [port] = Path(self.mktemp()), freePorts(1)
            folder.mkdir()
            dialect = DIALECTS[name]
            with server(peer.command(transport, port, folder), port, folder):
                first, second = (self.join(dialect, port, name) for name in ("Mina", "Kofi"))
                self.receive(first, dialect, [b"Kofi:%b\n" % dialect.stamp(0)])
                lines, data = [], b""
                for size in (64, 200, 1024):
                    data += dialect.speech("dev", size)(dialect.stamp(size))
                    lines.append(b"Mina:%b%b\n" % (dialect.stamp(size), b"x" * (size - STAMP)))
                first.sendall(data)
                self.receive(first, dialect, lines)
                self.receive(second, dialect, lines)

    def test_floor(self) -> None:
        """
        The floor in C does.
        """
        self.relays(Floor())

    def test_pythonFloor(self) -> None:
        """
        The floor in Python does.
        """
        self.relays(PythonFloor())

    def test_go(self) -> None:
        """
        The server in Go does.
        """
        self.relays(Go())

    @given(st.sampled_from(["lines", "frames"]), st.lists(st.integers(0, 1600), max_size=5))
    def test_splits(self, name: str, places: list[int]) -> None:
        """
        In the floor in Python, any split of a member's bytes gives the same batch.
        """
        dialect, data, expected = DIALECTS[name], DIALECTS[name].hello("Mina", "dev"), []
        for size in (64, 125, 1024):
            data += dialect.speech("dev", size)(dialect.stamp(size))
            line = b"Mina:%b%b\n" % (dialect.stamp(size), b"x" * (size - STAMP))
            expected.append(frame(line) if name == "frames" else line)
        with socket.socket() as sock:
            member = (python_floor.Frames if name == "frames" else python_floor.Lines)(sock)
            ends = sorted({len(data), *[place for place in places if place < len(data)]})
            for start, end in zip([0, *ends[:-1]], ends, strict=True):
                member.read(data[start:end])
        room = python_floor.rooms.pop("dev")
        self.assertEqual(room.batch, expected)
        self.assertEqual((member.rest, python_floor.dirty), (b"", [room]))
        python_floor.dirty.clear()


class RunTests(SynchronousTestCase):
    def test_nodes(self) -> None:
        """
        The nodes of a server have different ports, and each knows the first one.
        """
        folder = Path(self.mktemp())
        with ExitStack() as stack:
            nodes, engine = prepare(Entry(BY_NAME["200x5"], NatsCluster(), "tcp"), folder, stack)
        self.assertIsNone(engine)
        own = [node.command[node.command.index("--cluster") + 1] for node in nodes]
        first = {node.command[node.command.index("--routes") + 1] for node in nodes}
        self.assertEqual(first, {own[0]})
        self.assertEqual(len({*own, *(str(node.port) for node in nodes)}), 4)
        for node in nodes:
            self.assertIn(str(node.port), node.command)
            self.assertTrue((node.folder / "store").is_dir())

    def test_cores(self) -> None:
        """
        Each node has a core, and the load and the engine have the others. If there are too few,
        nodes share cores.
        """
        for number, cores, expected in (
            (1, [0, 1], ([0], [1])),
            (2, [0, 1], ([0, 0], [1])),
            (2, [0, 1, 2, 5], ([0, 1], [2, 5])),
            (2, [3], ([3, 3], [3])),
        ):
            self.assertEqual(coresOf(number, cores), expected)

    def test_pinned(self) -> None:
        """
        A node runs on its cores only.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        [core, *_] = os.sched_getaffinity(0)
        command = ["python3", "-c", "import os; print(os.sched_getaffinity(0))"]
        with process(command, folder, subprocess.PIPE, [core]) as child:
            assert child.stdout is not None
            self.assertEqual(child.stdout.read(), f"{{{core}}}\n".encode())

    def test_run(self) -> None:
        """
        A real, short run measures deliveries, loses none, recovers messages after a restart, and
        writes the results. It prints a line for each measurement.
        """
        if find_spec("rich") is None:
            raise SkipTest("rich is not installed")
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable,
                "-m",
                "benchmarks",
                "--shape",
                "200x5",
                "--peer",
                "machat-sqlite",
            ]
            command += ["--shape", "restart-1g", "--messages", "400", "--seconds", "0.3"]
            command += ["--transport", "tcp", "--transport", "ws", "--output", folder]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            written = json.loads((Path(folder) / "results.json").read_text())
        for line in (
            r"1/3 .* 200x5 +machat-sqlite tcp: \S+ deliveries per CPU second",
            r"2/3 .* 200x5 +machat-sqlite ws: \S+ deliveries per CPU second",
            r"3/3 .* restart-1g-400 machat-sqlite tcp: \S+ s until it listens",
        ):
            self.assertRegex(done.stdout, rf"(?m)^ +{line}$")
        results: list[Any] = written["results"]
        self.assertEqual([each["transport"] for each in results], ["tcp", "ws", "tcp"])
        for result in results:
            (run,) = result["runs"]
            self.assertGreater(run["messagesPerSecond"], 0)
            self.assertEqual((run["lost"], run["closed"]), (0, 0))
        restarted = results[-1]["runs"][0]
        self.assertGreaterEqual(restarted["messages"], 400)
        self.assertLessEqual(restarted["joinP50"], restarted["joinP99"])
        self.assertEqual(restarted["recovered"], 1)
        self.assertGreater(restarted["fileSize"], 400 * 1024)
