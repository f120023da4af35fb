"""
The name and the session secret that a client sends to its server.
"""

from __future__ import annotations

import msgspec

from machat import codec
from machat.commands import Auth, Hello

#: The longest session secret that is stored, characters.
SECRET = 256


class ClientIdentity:
    """
    The name and the session secret of a client.

    @ivar name: the name
    """

    def __init__(self, name: str, presence: bool) -> None:
        """
        @param presence: whether to receive presence updates
        """
        self.name = name
        self._presence = presence
        self._session: str | None = None

    def setSession(self, session: str) -> None:
        """
        Store the session secret of a welcome. With it, the next connection replaces this one.
        """
        self._session = session if len(session) <= SECRET else None

    def hello(self, auth: Auth) -> bytes:
        """
        @return: the hello with these credentials
        """
        hello = Hello(
            name=self.name,
            v=codec.VERSION,
            session=self._session,
            presence=self._presence,
            password=auth.password,
            token=auth.token,
        )
        return msgspec.json.encode(hello)
