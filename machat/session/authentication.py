"""
The authentication of one client: its credentials are checked at the hello, and again when it
renews them before they expire.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from machat import events
from machat.auth.expiry import Expiry
from machat.auth.users import IChatUser
from machat.errors import EXPIRED
from machat.session.interfaces import IClientSession


class Authentication:
    """
    The credentials of one client: the check in progress, and the time at which they expire. A
    session without credentials has none of these objects.
    """

    __slots__ = ("_session", "_clock", "_checking", "_expiry")

    def __init__(self, session: IClientSession, clock: IReactorTime) -> None:
        """
        @param session: becomes the user of valid credentials, and is disconnected with L{EXPIRED}
            when they have expired
        @param clock: runs the timer
        """
        self._session = session
        self._clock = clock
        self._checking: Deferred[Any] | None = None
        self._expiry: Expiry | None = None

    @property
    def inProgress(self) -> bool:
        """
        Whether credentials are being checked.
        """
        return self._checking is not None

    def wait(self, checking: Deferred[IChatUser]) -> Deferred[IChatUser]:
        """
        Wait for a check of credentials, which L{end} cancels.

        @return: C{checking}, which fires after the session's C{user} and C{name} have been set
        """
        self._checking = checking
        return checking.addBoth(self._checked).addCallback(self._identified)

    def _checked(self, result: Any) -> Any:
        self._checking = None
        return result

    def _identified(self, user: IChatUser) -> IChatUser:
        session = self._session
        session.user = user
        session.name = user.name or session.name
        if self._expiry is None and user.expires is not None:
            self._expiry = Expiry(self._clock, self._expiring, self._expired)
        if self._expiry is not None:
            self._expiry.start(user.expires)
        return user

    def _expiring(self, seconds: float) -> None:
        self._session.tell(events.Expiring(seconds=seconds))

    def _expired(self) -> None:
        self._session.disconnected(EXPIRED)

    def end(self) -> None:
        """
        Stop the timer, and cancel a check in progress.
        """
        if self._expiry is not None:
            self._expiry.stop()
        if self._checking is not None:
            self._checking.cancel()
