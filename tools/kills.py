"""
Kill a server that keeps its messages in SQLite, again and again, while clients send messages::

    python -m tools.kills --kills 200 --seed 1

Each time, C{twistd machat --store sqlite:FILE} is killed with SIGKILL, either at a random moment
or as soon as another process sees a new row in the file, which is before the server acknowledges
it. It is started again on the same ports. The clients reconnect, recover what they missed, and
resend what was not acknowledged. All messages are numbered by their senders.

The program prints the counts. It exits with status 1 if any of those in the last lines is not 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall, deferLater, react

from machat.store.sqlite import inspect
from tests.processes import BIN, PATIENCE, freePort
from tools.numbered import Person, Writer

#: The longest time that the clients may take to recover, seconds.
LONGEST = 60.0

#: Options of the server, so that it keeps and accepts everything.
OPTIONS = ("--rate", "off", "--log-messages", "10000000", "--log-bytes", "1GiB")

#: The options of the watcher are the file and the process that it kills at the next commit.
WATCHER = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
state = lambda: db.execute("PRAGMA data_version").fetchone()
before = state()
while state() == before:
    pass
os.kill(int(sys.argv[2]), 9)
"""

#: The faults that are counted.
FAULTS = (
    "lost",
    "duplicated",
    "out of order",
    "changed number",
    "missed",
    "not recovered",
    "failed",
    "damage in the file",
    "tracebacks in the log",
)


class Server:
    """
    A server that is started again on the same ports with the same file.
    """

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/machat.sqlite"
        self.tcp, self.ws = freePort(), freePort()
        self._log = Path(folder, "log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Start the process.
        """
        command: list[Any] = [BIN / "twistd", "-n", "--pidfile=", "-l", "-", "machat", *OPTIONS]
        for option, port in (("--tcp", self.tcp), ("--ws", self.ws)):
            command += [option, f"tcp:{port}:interface=127.0.0.1"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--store", f"sqlite:{self.path}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def watch(self) -> subprocess.Popen[bytes]:
        """
        @return: a process that kills the server at its next commit
        """
        assert self.process is not None
        return subprocess.Popen([sys.executable, "-c", WATCHER, self.path, str(self.process.pid)])

    def log(self) -> str:
        """
        @return: the log of all processes
        """
        return self._log.read_text(errors="replace")

    def tops(self) -> dict[str, int]:
        """
        @return: the number of the last message of each room in the file
        """
        if not os.path.exists(self.path):
            return {}
        with inspect.reading(self.path) as db:
            query = "SELECT name, max(last) FROM batch JOIN room ON room.id = room GROUP BY name"
            return dict(db.execute(query))


class Trial:
    """
    One run.

    @ivar faults: the number of faults of each kind
    """

    def __init__(self, reactor: Any, options: Namespace, folder: str) -> None:
        self._reactor = reactor
        self._options = options
        self._random = Random(options.seed)
        self._server = server = Server(folder)
        self._people: list[Person] = []
        self._writers: list[Writer] = []
        self._killing = False
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        local = f"127.0.0.1:{server.tcp}"
        for number in range(options.clients):
            room = f"room{number // 4 % options.rooms}"
            address = f"ws://127.0.0.1:{server.ws}/mychat" if number % 2 else local
            if number % 4 < 3:
                self._people.append(Person(reactor, address, f"person{number}", room))
            else:
                writer = Writer(reactor, f"tcp:{local}", f"writer{number}", room)
                self._writers.append(writer)

    async def run(self) -> None:
        """
        Kill the server as often as the options demand, and judge.
        """
        self._server.start()
        for person in self._people:
            person.client.startService()
        everyone: list[Person | Writer] = [*self._people, *self._writers]
        talk = LoopingCall(lambda: self._random.choice(everyone).say())
        talk.start(1 / self._options.rate, now=False)
        while self.counts["kills"] < self._options.kills:
            ready = self._random.random() < 0.8  # otherwise it may be killed while it starts
            if ready:
                await self._until(lambda: all(each.ready for each in everyone))
            self._killing = True
            await self._kill()
            self._compare(ready)
            self._server.start()
            self._killing = False
        talk.stop()
        for writer in self._writers:
            writer.stop()
        await self._until(lambda: not any(person.waiting for person in self._people))
        await self._until(self._settled)
        await self._stop()
        self._judge()

    async def _until(self, condition: Any) -> None:
        deadline = time.monotonic() + LONGEST
        while not condition():
            ended = self._server.process is not None and self._server.process.poll() is not None
            if time.monotonic() > deadline or (ended and not self._killing):
                raise AssertionError("the clients do not recover: " + self._state())
            await deferLater(self._reactor, 0.02)

    def _state(self) -> str:
        """
        @return: the clients that are not ready, and the end of the log
        """
        everyone: list[Person | Writer] = [*self._people, *self._writers]
        names = [each.name for each in everyone if not each.ready]
        return f"{names} are not ready\n{self._server.log()[-2000:]}"

    async def _kill(self) -> None:
        process = self._server.process
        assert process is not None
        await deferLater(self._reactor, self._random.random())
        if self._random.random() < 0.5 and os.path.exists(self._server.path):
            watcher = self._server.watch()
            await self._until(lambda: watcher.poll() is not None)
            self.counts["kills at a commit"] += 1
        else:
            process.kill()
        process.wait()
        self.counts["kills"] += 1
        await self._until(lambda: not any(each.client.connected for each in self._people))

    def _compare(self, ready: bool) -> None:
        """
        Compare the file with what the clients have received up to a kill.

        @param ready: whether all clients were connected before it. Otherwise, they may receive
            more of it later
        """
        tops = self._server.tops()
        seen: defaultdict[str, int] = defaultdict(int)
        for person in self._people:
            last = [seq for seq, _ in person.seen[-1:] + person.acknowledged[-1:]]
            seen[person.room] = max(seen[person.room], *last, 0)
        self.faults["lost"] += sum(max(0, seen[room] - tops.get(room, 0)) for room in seen)
        unseen = sum(max(0, top - seen[room]) for room, top in tops.items()) if ready else 0
        self.counts["between"] += unseen > 0
        self.counts["stored"] += unseen

    def _settled(self) -> bool:
        tops = self._server.tops()
        return all(
            person.ready and person.seen and person.seen[-1][0] >= tops[person.room]
            for person in self._people
        )

    async def _stop(self) -> None:
        await DeferredList([person.client.stopService() for person in self._people])
        assert self._server.process is not None
        self._server.process.terminate()
        status = self._server.process.wait(PATIENCE)
        self.faults["failed"] += status != 0
        for word in ("Traceback", "Unhandled"):
            self.faults["tracebacks in the log"] += self._server.log().count(word)

    def _judge(self) -> None:
        """
        Compare what the clients have received with the file.
        """
        faults, logs = self.faults, defaultdict[str, dict[int, str]](dict)
        faults["damage in the file"] += len(list(inspect.check(self._server.path)))
        for message in inspect.messages(self._server.path):
            logs[message.room][message.seq] = message.text
        for log in logs.values():
            faults["lost"] += max(log) - len(log)
            faults["duplicated"] += len(log) - len(set(log.values()))
            faults["out of order"] += _disorder(log.values())
            self.counts["in the file"] += len(log)
        for person in self._people:
            self._judgePerson(person, logs[person.room])
        for writer in self._writers:
            self._judgeWriter(writer, {text: seq for seq, text in logs[writer.room].items()})

    def _judgePerson(self, person: Person, log: dict[int, str]) -> None:
        faults, numbers, texts = self.faults, [seq for seq, _ in person.seen], {*log.values()}
        faults["duplicated"] += len(numbers) - len(set(numbers))
        faults["out of order"] += sum(b <= a for a, b in zip(numbers, numbers[1:], strict=False))
        for seq, text in person.seen + person.acknowledged:
            if log.get(seq) != text:
                faults["changed number" if text in texts else "lost"] += 1
        faults["missed"] += max(log) - numbers[0] + 1 - len(set(numbers))
        for fault in ("missed", "not recovered", "failed"):
            faults[fault] += person.counts[fault]
        self.counts["acknowledged"] += len(person.acknowledged)
        self.counts["seen"] += len(numbers)
        for count in ("sent", "resent", "joins", "recovered"):
            self.counts[count] += person.counts[count]

    def _judgeWriter(self, writer: Writer, numbers: dict[str, int]) -> None:
        self.counts["lines"] += writer.counts["sent"]
        self.faults["failed"] += writer.counts["failed"]
        for run in writer.runs:
            self.counts["seen"] += len(run)
            found = [numbers.get(text, 0) for text in run]
            self.faults["lost"] += found.count(0)
            self.faults["out of order"] += sum(
                b != a + 1 for a, b in zip(found, found[1:], strict=False)
            )

    def summary(self) -> str:
        """
        @return: the counts, and the faults
        """
        counts = self.counts
        lines = [
            f"{len(self._people)} clients of events, {len(self._writers)} of text,"
            f" {self._options.rooms} rooms, seed {self._options.seed}",
            f"{counts['kills']} kills, {counts['kills at a commit']} of them as soon as a commit"
            f" was visible; {counts['between']} of them between commit and delivery: no client had"
            f" received {counts['stored']} messages that were stored",
            f"{counts['sent']} messages with an id sent, {counts['acknowledged']} acknowledged,"
            f" {counts['resent']} of them after they were stored by an earlier attempt",
            f"{counts['lines']} lines of text sent; {counts['in the file']} messages in the file",
            f"{counts['seen']} seen; {counts['joins']} rejoins recovered {counts['recovered']}",
        ]
        lines += [f"{fault}: {self.faults[fault]}" for fault in FAULTS]
        return "\n".join(lines)


def _disorder(texts: Any) -> int:
    """
    @return: the number of messages that follow a later one of the same sender
    """
    last: dict[str, int] = {}
    found = 0
    for text in texts:
        sender, _, number = text.partition(" ")
        found += int(number) < last.get(sender, 0)
        last[sender] = max(last.get(sender, 0), int(number))
    return found


def parse(arguments: list[str]) -> Namespace:
    """
    @return: the options
    """
    parser = ArgumentParser(prog="python -m tools.kills")
    for name, default, text in (
        ("kills", 200, "the number of kills"),
        ("clients", 16, "the number of clients"),
        ("rooms", 4, "the number of rooms"),
        ("rate", 100, "the number of messages per second"),
        ("seed", 1, "the seed of the random decisions"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{text} ({default})")
    return parser.parse_args(arguments)


async def main(reactor: Any, options: Namespace) -> None:
    """
    Run the test, and print the result.
    """
    with TemporaryDirectory() as folder:
        trial = Trial(reactor, options, folder)
        try:
            await trial.run()
        finally:
            if trial._server.process is not None:
                trial._server.process.kill()
                trial._server.process.wait()
        print(trial.summary())
        if any(trial.faults.values()):
            sys.exit(1)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, parse(sys.argv[1:]))))
