"""
The events that the client itself produces.
"""

from __future__ import annotations

from machat.events import Event


class Connected(Event, frozen=True, tag="connected"):
    """
    The server has sent its welcome.
    """


class Failed(Event, frozen=True, kw_only=True, tag="failed"):
    """
    An attempt to connect has failed before the welcome.

    @ivar code: one of the constants of L{machat.sansio.reasons}
    @ivar text: the reason: one line for a person, safe to print
    @ivar retry: whether the client tries again. If it does not, it has ended
    """

    code: str
    text: str
    retry: bool


class Lost(Event, frozen=True, tag="lost"):
    """
    A connection was lost after the server's welcome or C{bye}.

    @ivar retry: whether the client reconnects
    """

    retry: bool


class Gap(Event, frozen=True, kw_only=True, tag="gap"):
    """
    Messages of a room were missed and cannot be recovered.

    @ivar missed: the number of messages; C{None} if unknown
    """

    room: str
    missed: int | None
