"""
What a session and what serves its client's lines promise each other.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from machat import commands
from machat.errors import ChatError
from machat.events import Event, Joined
from machat.interfaces import IChatMember, IChatUser, IClientConnection


class IClientSession(IChatMember, IClientConnection):
    """
    A member with a connection, as an L{IConversation} sees it.
    """

    user: IChatUser = Attribute("Who it has shown to be.")
    busy: bool = Attribute("Whether what it sends has to wait.")
    ended: bool = Attribute("Whether it is gone, or has been told to go.")

    def markJoined() -> None:
        """
        Its hello has done what it asked for. It may take its time from now on.
        """

    def joined(joined: Joined) -> None:
        """
        It is in a room.
        """

    def left(room: str) -> None:
        """
        It is in this room no more.
        """

    def leave(room: str) -> None:
        """
        Take it out of a room.
        """

    def tell(event: Event) -> None:
        """
        Write an event in its dialect, if that has words for it.
        """

    def hold(waiting: Deferred[Any] | None) -> None:
        """
        Serve nothing else until this has fired, which does not fail. C{None}: go on.
        """

    def failed(failure: Failure, command: commands.Command | None = None) -> None:
        """
        What it asked for has failed: tell it, unless it is gone.
        """

    def refuse(error: ChatError) -> None:
        """
        Tell it what was not done. Its connection may end with that.
        """

    def authenticate(password: str | None, token: str | None) -> Deferred[IChatUser] | None:
        """
        Check the client's credentials, at the hello or later.

        @return: as L{machat.interfaces.IChatRoom.authenticate}. C{user} is already the new user
            when it fires. It is cancelled if the client disconnects first
        """


class IConversation(Interface):
    """
    One client after its hello, in one of the dialects.
    """

    def begin(hello: commands.Hello) -> Deferred[Any] | None:
        """
        Do what the hello asks for.

        @return: C{None}, or what its lines have to wait for
        @raise ChatError: it is refused
        """

    def serve(lines: list[bytes]) -> list[bytes]:
        """
        Say these lines, or do what they command.

        @return: those that have to wait for one before them
        """

    def removed(room: str, reason: str) -> None:
        """
        A moderator has taken the client out of a room.
        """

    def end() -> None:
        """
        The client has C{ended}: leave all rooms.
        """
