"""
The contracts between a session and the conversation that serves its lines.
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

    user: IChatUser = Attribute("The authenticated user.")
    busy: bool = Attribute("Whether its new lines have to wait.")
    ended: bool = Attribute("Whether it has ended, or is about to.")

    def markJoined() -> None:
        """
        End the join timeout: the hello has been processed.
        """

    def joined(joined: Joined) -> None:
        """
        Log that it has joined a room.
        """

    def left(room: str) -> None:
        """
        Log that it has left a room.
        """

    def leave(room: str) -> None:
        """
        Leave a room.
        """

    def tell(event: Event) -> None:
        """
        Write an event in its dialect, if the dialect can encode it.
        """

    def hold(waiting: Deferred[Any] | None) -> None:
        """
        Serve nothing else until this has fired. It must not fail. C{None}: continue at once.
        """

    def failed(failure: Failure, command: commands.Command | None = None) -> None:
        """
        Send the error of a request, unless the client is gone.
        """

    def refuse(error: ChatError) -> None:
        """
        Send an error. This may end the connection.
        """

    def spend(tokens: float) -> None:
        """
        Take tokens of its rate limit, in addition to those of its commands. If too few are left,
        its next commands wait.
        """

    def authenticate(password: str | None, token: str | None) -> Deferred[IChatUser] | None:
        """
        Check the client's credentials, at the hello or later.

        @return: the result of L{machat.interfaces.IChatRoom.authenticate}. When it fires, C{user}
            is already the new user. It is cancelled if the client disconnects first
        """


class IOpeningSession(IClientSession):
    """
    A session before its client has joined, as its opening sees it.
    """

    speaksEvents: bool = Attribute("Whether it uses the C{events} dialect.")

    def speakEvents() -> None:
        """
        Use the C{events} dialect: the hello has a version, or the transport has negotiated it. A
        hello needs no version then.
        """

    def markGreeted() -> None:
        """
        Await no hello any more: it is complete, and being processed.
        """

    def begin(hello: commands.Hello) -> Deferred[Any] | None:
        """
        Begin the conversation of the client's dialect. See L{IConversation.begin}.
        """


class IConversation(Interface):
    """
    One client after its hello, in one of the dialects.
    """

    def begin(hello: commands.Hello) -> Deferred[Any] | None:
        """
        Process the hello.

        @return: C{None}, or a C{Deferred} for which the lines after the hello have to wait
        @raise ChatError: the hello is refused
        """

    def serve(lines: list[bytes]) -> list[bytes]:
        """
        Serve lines: each is a message or a command.

        @param lines: at least one, each without its newline

        @return: the lines that have to wait for an earlier one
        """

    def removed(room: str, reason: str) -> None:
        """
        Note that a moderator has removed the client from a room.
        """

    def end() -> None:
        """
        Leave all rooms: the client has C{ended}.
        """
