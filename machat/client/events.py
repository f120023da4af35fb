"""
The events that a client has to tell besides the server's, and how its Deferreds fail.
"""

from __future__ import annotations

from machat.events import Event


class Connected(Event, frozen=True, tag="connected"):
    """
    The server has said welcome.
    """


class Failed(Event, frozen=True, kw_only=True, tag="failed"):
    """
    An attempt to connect has failed: there was no welcome.

    @ivar code: one of the constants of L{machat.client.reasons}
    @ivar text: the reason: one line for a person, safe to print
    @ivar retry: whether the client tries again. If it does not, it has ended
    """

    code: str
    text: str
    retry: bool


class Lost(Event, frozen=True, tag="lost"):
    """
    A connection is lost on which the server had said welcome, or goodbye.

    @ivar retry: whether the client comes back
    """

    retry: bool


class Gap(Event, frozen=True, kw_only=True, tag="gap"):
    """
    Messages of a room were missed and cannot be had any more.

    @ivar missed: how many, if that can be told
    """

    room: str
    missed: int | None


class Ended(Exception):
    """
    The client has been stopped, was told not to come back, or cannot connect: the text says which.
    """
