"""
The load process: C{python -m benchmarks.load PLAN}, where C{PLAN} is the JSON of a
L{Plan<benchmarks.shapes.Plan>}. It prints lines of JSON: C{{"done": fraction}} while it runs, and
at the end its measurements, or C{{"error": text}}.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from array import array
from collections.abc import Iterator
from typing import Any

from benchmarks.compiled import CompiledPump
from benchmarks.crowd import CannotConnect, Crowd
from benchmarks.dialects import DIALECTS
from benchmarks.procfs import Usage, usageOf
from benchmarks.pump import Pump, Room
from benchmarks.shapes import Kind, Plan

#: Seconds between two progress reports.
_BEAT = 0.25

#: Maximum time until the server is idle after all clients have connected, seconds.
_SETTLED = 40.0

#: Maximum time without a delivery while the load waits for the last messages, seconds.
_DRAINED = 3.0

Result = dict[str, Any]


class Load:
    """
    One run of a plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._shape = plan.shape
        rooms = [Room() for _ in range(plan.shape.rooms)]
        self._pump = _pumpFor(plan, rooms)
        self._crowd = Crowd(plan, self._pump, rooms)
        self._nextBeat = 0.0
        self._peak = 0
        self._turns = self._paced() if plan.shape.rate else self._windowed()

    def run(self) -> Result:
        """
        @return: the measurements; the keys depend on the kind of shape
        @raise CannotConnect: the clients could not connect, so there is nothing to measure
        """
        result = self._connect()
        gc.freeze()
        gc.disable()  # no cycles here, and collections cause pauses
        if self._shape.kind is Kind.STALL:
            result |= self._stall()
        elif self._shape.kind is Kind.RECOVERY:
            self._start()
            result |= self._fill() | self._finish()
        elif self._shape.kind in (Kind.THROUGHPUT, Kind.RATE):
            self._start()
            self._drive(self._shape.warm, 0.2, 0.3)
            result |= self._window(self._shape.seconds, 0.3, 0.95)
            result |= self._finish()
        return result

    def _connect(self) -> Result:
        """
        Connect all clients. The memory per connection is the slope between a tenth of the
        connections and all of them, so that it excludes memory that the server allocates once.
        """
        before = usageOf(*self._plan.pids)
        first, tenth = 0, before
        total = self._shape.connections
        for fraction in self._crowd.connect():
            if fraction >= 0.1 and not first:
                first, tenth = self._crowd.joined, usageOf(*self._plan.pids)
            self._beat(fraction * 0.15)
        self._settle()
        after = usageOf(*self._plan.pids)
        result: Result = {"joinsPerCpu": total / max(after.cpu - before.cpu, 0.01)}
        if total > first:
            result["bytesPerConnection"] = (after.memory - tenth.memory) / (total - first)
        return result | {"memory": after.memory, "closed": self._pump.closed}

    def _settle(self) -> None:
        """
        Wait until the server has been idle for a while. Then all clients have joined.
        """
        deadline = time.monotonic() + _SETTLED
        seen = None
        while time.monotonic() < deadline:
            until = time.monotonic() + 0.2
            while time.monotonic() < until:
                self._pump.turn(0.02)
            self._beat(0.18)
            now = (round(usageOf(*self._plan.pids).cpu, 2), self._pump.bytesRead)
            if now == seen:
                return
            seen = now
        raise CannotConnect(f"busy {_SETTLED:.0f} seconds after the last client has connected")

    def _start(self) -> None:
        """
        Discard the counts from the joins, and open the windows.
        """
        for room in self._crowd.rooms:
            room.due = 0
            if self._shape.window:
                room.limit = self._shape.window * room.hearers

    def _windowed(self) -> Iterator[None]:
        """
        Closed loop: each room keeps a fixed number of messages in flight.
        """
        self._pump.refill(self._crowd.rooms)
        while True:
            self._pump.turn(0.05)
            yield

    def _paced(self) -> Iterator[None]:
        """
        Open loop: the rooms send in turn at a fixed rate, even if the server is slow.
        """
        interval = 1.0 / (self._shape.rate * self._shape.rooms)
        rooms = self._crowd.rooms
        due, number = time.monotonic(), 0
        while True:
            while due <= time.monotonic():
                self._pump.say(rooms[number % len(rooms)])
                number += 1
                due += interval
            self._pump.rest(min(due - time.monotonic(), 0.05))
            yield

    def _drive(self, seconds: float, start: float, end: float) -> None:
        """
        Send and receive messages for some seconds.

        @param start: the progress at the beginning, as a fraction
        @param end: the progress at the end, as a fraction
        """
        begun = now = time.monotonic()
        while now < begun + seconds:
            next(self._turns)
            now = time.monotonic()
            if now >= self._nextBeat:
                self._beat(start + (end - start) * min(1.0, (now - begun) / seconds))
                if self._shape.kind is Kind.STALL:
                    self._peak = max(self._peak, usageOf(*self._plan.pids).memory)

    def _window(self, seconds: float, start: float, end: float) -> Result:
        """
        Send and receive messages for some seconds, and measure.
        """
        pump = self._pump
        pump.latencies = array("q")
        engine = self._engineUsage()
        before, own = usageOf(*self._plan.pids), time.process_time()
        delivered, said, reads = pump.delivered, pump.said, pump.reads
        begun = time.monotonic()
        pump.measuring = True
        self._drive(seconds, start, end)
        pump.measuring = False
        elapsed = time.monotonic() - begun
        after, own = usageOf(*self._plan.pids), time.process_time() - own
        deliveries, messages = pump.delivered - delivered, pump.said - said
        return {
            "deliveriesPerSecond": deliveries / elapsed,
            "deliveriesPerCpu": deliveries / max(after.cpu - before.cpu, 0.01),
            "messagesPerSecond": messages / elapsed,
            "userPerMessage": (after.user - before.user) / max(messages, 1),
            "kernelPerDelivery": (after.system - before.system) / max(deliveries, 1),
            "deliveriesPerRead": deliveries / max(pump.reads - reads, 1),
            "compiledLoad": isinstance(pump, CompiledPump),
            "loadCpu": own / elapsed,
            **_shares(before, after, elapsed),
            **self._engineShare(engine, elapsed),
            **percentiles(pump.latencies),
        }

    def _engineUsage(self) -> float:
        return usageOf(self._plan.engine).cpu if self._plan.engine is not None else 0.0

    def _engineShare(self, before: float, elapsed: float) -> Result:
        if self._plan.engine is None:
            return {}
        return {"engineCpu": (self._engineUsage() - before) / elapsed}

    def _stall(self) -> Result:
        """
        Measure while all members read, and again after some of them have stopped reading.
        """
        self._start()
        self._drive(self._shape.warm, 0.2, 0.25)
        before = self._window(self._shape.seconds / 3, 0.25, 0.45)
        memory = self._peak
        self._pump.stall(self._crowd.stalling)
        begun = time.monotonic()
        result = self._window(self._shape.seconds, 0.45, 0.95) | self._finish()
        ends = [m.closedAt - begun for m in self._crowd.stalling if m.closedAt is not None]
        return result | {
            "p99Before": before["p99"],
            "growth": self._peak - memory,
            "stalledClosed": len(ends),
            "lastClosedAfter": max(ends, default=None),
        }

    def _fill(self) -> Result:
        """
        Post the messages of the shape.

        @raise CannotConnect: the server delivers nothing for too long
        """
        pump, total = self._pump, self._shape.messages
        begun = last = time.monotonic()
        delivered = pump.delivered
        while pump.delivered < total:
            next(self._turns)
            now = time.monotonic()
            if pump.delivered != delivered:
                last, delivered = now, pump.delivered
            elif now > last + _SETTLED:
                raise CannotConnect(f"delivered nothing for {_SETTLED:.0f} seconds")
            if now >= self._nextBeat:
                self._beat(0.2 + 0.7 * delivered / total)
        return {"messages": pump.said, "messagesPerSecond": delivered / (time.monotonic() - begun)}

    def _finish(self) -> Result:
        """
        Stop sending, and wait for the deliveries that are due.
        """
        pump, rooms = self._pump, self._crowd.rooms
        for room in rooms:
            room.limit = -sys.maxsize
        last, delivered = time.monotonic(), pump.delivered
        while any(room.due for room in rooms) and time.monotonic() < last + _DRAINED:
            pump.turn(0.02)
            if pump.delivered != delivered:
                last, delivered = time.monotonic(), pump.delivered
        return {"lost": _due(rooms), "closed": pump.closed}

    def _beat(self, done: float) -> None:
        now = time.monotonic()
        if now >= self._nextBeat:
            self._nextBeat = now + _BEAT
            print(json.dumps({"done": round(done, 3)}), flush=True)


def _pumpFor(plan: Plan, rooms: list[Room]) -> Pump:
    """
    @return: a pump with its loop in C if the shape measures throughput and the library is there.
        For a fixed rate, the pump measures latency with the kernel's receive times, so that the
        loop does not add to it.
    """
    dialect = DIALECTS[plan.dialect]
    if plan.shape.kind in (Kind.RATE, Kind.STALL):
        return Pump(dialect, stamped=True)
    if plan.library is None or plan.tls:
        return Pump(dialect, stamped=False)
    return CompiledPump(dialect, plan.library, rooms, plan.shape.connections)


def percentiles(latencies: array[int]) -> Result:
    """
    @return: C{p50}, C{p99} and C{p999} in milliseconds, and the number of latencies as C{sampled}
    """
    ordered = sorted(latencies)
    result: Result = {"sampled": len(ordered)}
    for key, fraction in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        if ordered:
            result[key] = ordered[min(len(ordered) - 1, int(len(ordered) * fraction))] / 1e6
        else:
            result[key] = None
    return result


def _shares(before: Usage, after: Usage, elapsed: float) -> Result:
    cpu = max(after.cpu - before.cpu, 0.01)
    return {
        "cpu": cpu / elapsed,
        "userShare": (after.user - before.user) / cpu,
        "kernelShare": (after.system - before.system) / cpu,
        "memory": after.memory,
    }


def _due(rooms: list[Room]) -> int:
    return sum(room.due for room in rooms)


def main() -> None:
    """
    Run the plan of the command line.
    """
    plan = Plan.fromJson(sys.argv[1])
    try:
        result = Load(plan).run()
    except CannotConnect as error:
        result = {"error": str(error)}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
