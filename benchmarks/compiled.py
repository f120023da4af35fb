"""
The loop of the load process, with its reading half in C if a compiler is installed.

A read in Python takes 3 us longer. With a fast server, this puts the load one turn behind: of a
window of 16 messages, 8 instead of 6 wait to be read. The server then receives smaller batches, and
a server that batches appears up to a quarter slower than it is.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from array import array
from collections.abc import Sequence
from pathlib import Path
from select import EPOLLERR, EPOLLHUP

from benchmarks.dialects import TextLines
from benchmarks.links import READ
from benchmarks.pump import SAMPLED, Member, Pump, Room

_SOURCE = Path(__file__).absolute().parent / "turn.c"

#: Maximum number of latencies that one turn records.
_LATENCIES = 65_536

#: An upper bound for the file descriptors of a process that are not connections.
_OTHER_FILES = 200

_LONG = ctypes.c_int64
_INT = ctypes.c_int32


class State(ctypes.Structure):
    """
    C{struct state} of F{turn.c}.
    """

    _fields_ = [
        ("poller", _INT),
        ("every", _INT),
        ("mark", _INT),
        ("question", _INT),
        ("rooms", ctypes.POINTER(_INT)),
        ("found", ctypes.POINTER(_LONG)),
        ("touched", ctypes.POINTER(_INT)),
        ("touchedCount", _LONG),
        ("latencies", ctypes.POINTER(_LONG)),
        ("latencyCount", _LONG),
        ("latencyCapacity", _LONG),
        ("buffer", ctypes.c_void_p),
        ("capacity", _LONG),
        ("reads", _LONG),
        ("delivered", _LONG),
        ("bytes", _LONG),
        ("events", _LONG),
        ("size", _LONG),
    ]


def compileTurn(folder: Path) -> Path | None:
    """
    Compile F{turn.c} to a library in this folder.

    @return: the path of the library, or C{None} if there is no compiler or it fails
    """
    library = folder / "turn.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
    if shutil.which("cc") is None or subprocess.run(command, check=False).returncode:
        return None
    return library


class CompiledPump(Pump):
    """
    A pump for members on plain TCP. A latency ends when the load has read the message.
    """

    def __init__(
        self, dialect: TextLines, library: str, rooms: Sequence[Room], connections: int
    ) -> None:
        """
        @param library: path of the library from L{compileTurn}
        @param rooms: all rooms of the run
        @param connections: number of connections of the run
        """
        Pump.__init__(self, dialect, False)
        self._turn = ctypes.CDLL(library).turn
        self._rooms = list(rooms)
        self._numbers = {room: number for number, room in enumerate(rooms)}
        self._latencyBuffer = (_LONG * _LATENCIES)()
        self._roomOf = (_INT * (connections + _OTHER_FILES))()
        self._found = (_LONG * len(self._rooms))()
        self._touched = (_INT * len(self._rooms))()
        self._state = State(
            poller=self._epoll.fileno(),
            mark=ord(dialect.mark),
            question=ord(dialect.question) if dialect.question else -1,
            rooms=self._roomOf,
            found=self._found,
            touched=self._touched,
            latencies=self._latencyBuffer,
            latencyCapacity=_LATENCIES,
            buffer=ctypes.addressof(ctypes.c_char.from_buffer(self._buffer)),
            capacity=READ,
        )
        self._pointer = ctypes.byref(self._state)

    def add(self, member: Member) -> None:
        self._roomOf[member.fd] = self._numbers[member.room]
        Pump.add(self, member)

    def turn(self, timeout: float) -> None:
        state = self._state
        state.every = SAMPLED if self.measuring else 0
        fd = self._turn(self._pointer, int(timeout * 1000))
        self.reads, self.delivered, self.bytesRead = state.reads, state.delivered, state.bytes
        if state.latencyCount:
            latencies = array("q")
            latencies.frombytes(memoryview(self._latencyBuffer)[: state.latencyCount].tobytes())
            self.latencies.extend(latencies)
        touched = []
        for number in self._touched[: state.touchedCount]:
            room = self._rooms[number]
            room.due -= self._found[number]
            self._found[number] = 0
            touched.append(room)
        if fd >= 0:
            self._special(self._members[fd], state.events, state.size)
        self.refill(touched)

    def _special(self, member: Member, event: int, size: int) -> None:
        """
        Process the connection at which the library stopped.

        @param size: bytes in the buffer; 0 at the end of the stream; -1 if the library did not read
        """
        if size > 0:
            self._answer(member, size)
        elif size == 0 or (self._ready(member, event) and event & (EPOLLHUP | EPOLLERR)):
            self._lose(member)
