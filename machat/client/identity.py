"""
The name and the credentials that a client sends to its server.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.logger import Logger

from machat import commands, wire
from machat.client import reasons
from machat.client.reasons import Reason

#: The longest session secret that is stored, characters.
SECRET = 256


class ClientIdentity:
    """
    The name, the credentials and the session secret of a client.
    """

    _log = Logger()

    def __init__(self, name: str, presence: bool, credentials: Callable[[], commands.Auth]) -> None:
        """
        @param presence: whether to receive presence updates
        @param credentials: returns the current password or token
        """
        self._name = name
        self._presence = presence
        self._credentials = credentials
        self._session: str | None = None

    def setSession(self, session: str) -> None:
        """
        Store the session secret of a welcome. With it, the next connection replaces this one.
        """
        self._session = session if len(session) <= SECRET else None

    def hello(self) -> bytes | Reason:
        """
        @return: the hello; or the reason why the credentials cannot be read
        """
        auth = self.auth()
        if isinstance(auth, Reason):
            return auth
        hello = commands.Hello(
            name=self._name,
            v=wire.VERSION,
            session=self._session,
            presence=self._presence,
            password=auth.password,
            token=auth.token,
        )
        return msgspec.json.encode(hello)

    def auth(self) -> commands.Auth | Reason:
        """
        @return: the credentials; or the reason why they cannot be read, which is logged
        """
        try:
            return self._credentials()
        except Exception as error:
            self._log.failure("reading the credentials of {name} failed", name=self._name)
            text = reasons.line(f"the credentials cannot be read: {error}")
            return Reason(reasons.CREDENTIALS, text)
