"""
The outputs of a L{ClientCore<machat.sansio.ClientCore>}: what its adapter has to do, in order.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from machat.events import Event


class Connect(Struct, frozen=True):
    """
    Begin an attempt to connect. The adapter calls C{connecting} and C{opened}, or C{unreachable}.
    """


class Authenticate(Struct, frozen=True):
    """
    Read the current credentials. The adapter calls C{authenticate} or C{unauthenticated}.
    """


class Send(Struct, frozen=True, gc=False):
    """
    Send one object on the current connection.

    @ivar line: the object, without a newline
    """

    line: bytes


class Notify(Struct, frozen=True):
    """
    Report an event to the application.
    """

    event: Event


class Settle(Struct, frozen=True):
    """
    Report the result of a command to its caller.

    @ivar token: the object that the caller passed with the command
    @ivar result: the result, or a L{ChatError<machat.errors.ChatError>}
    """

    token: Any
    result: Any


class Pause(Struct, frozen=True):
    """
    Stop reading from the current connection, or read again.
    """

    paused: bool


class Confirmed(Struct, frozen=True):
    """
    The server has provably read everything that was sent so far.
    """


class Close(Struct, frozen=True):
    """
    Close the current connection or give up the attempt to connect. The adapter calls C{closed} if
    there was a connection.

    @ivar abort: whether to close it at once, without sending what is waiting
    """

    abort: bool


Output = Connect | Authenticate | Send | Notify | Settle | Pause | Confirmed | Close
