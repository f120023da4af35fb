"""
The messages between the parent and a worker. Each is a JSON object on a line of its own.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

#: The maximum size of a message, bytes. The largest is the answer about many rooms.
LONGEST = 16 * 1_048_576


class Topic(Enum):
    """
    The questions of the parent to a worker.
    """

    METRICS = "metrics"
    ROOMS = "rooms"
    READINESS = "readyz"
    SANCTIONS = "sanctions"


class State(Enum):
    """
    The state that a worker reports. A reload ends with C{READY} again.
    """

    READY = "READY=1"
    RELOADING = "RELOADING=1"
    STOPPING = "STOPPING=1"


class Stop(msgspec.Struct, tag="stop"):
    """
    To a worker: drain, and end.
    """


class Ask(msgspec.Struct, tag="ask"):
    """
    To a worker: answer with C{Answer}.
    """

    id: int
    topic: Topic


class Changed(msgspec.Struct, tag="changed"):
    """
    From a worker: its state has changed.
    """

    state: State


class Answer(msgspec.Struct, tag="answer"):
    """
    From a worker: the answer to C{Ask}.
    """

    id: int
    value: Any


class Splitter:
    """
    Splits the output of a worker into lines.
    """

    def __init__(self, longest: int) -> None:
        """
        @param longest: the maximum size of the rest that waits for its end, bytes
        """
        self._longest = longest
        self._rest: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> list[bytes]:
        """
        @return: the lines that end in this data, without their ends. A longer line is divided
        """
        first, *others = data.split(b"\n")
        self._rest.append(first)
        self._size += len(first)
        if others:
            return [self.finish(), *others[:-1], *self.add(others[-1])]
        return [self.finish()] if self._size > self._longest else []

    def finish(self) -> bytes:
        """
        @return: the rest after the last complete line
        """
        rest = b"".join(self._rest)
        self._rest = []
        self._size = 0
        return rest


_encoder = msgspec.json.Encoder()
_toWorker: msgspec.json.Decoder[Stop | Ask] = msgspec.json.Decoder(Stop | Ask)
_toParent: msgspec.json.Decoder[Changed | Answer] = msgspec.json.Decoder(Changed | Answer)


def encode(message: Stop | Ask | Changed | Answer) -> bytes:
    """
    @return: the message without the end of the line
    """
    return _encoder.encode(message)


def decodeToWorker(line: bytes) -> Stop | Ask:
    """
    @raise msgspec.ValidationError: the message is unknown
    """
    return _toWorker.decode(line)


def decodeToParent(line: bytes) -> Changed | Answer:
    """
    @raise msgspec.ValidationError: the message is unknown
    """
    return _toParent.decode(line)
