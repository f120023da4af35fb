"""
The ids of a client's commands.
"""

from __future__ import annotations

import secrets


class Ids:
    """
    Creates ids. A server can know the random part of an id only from the command.
    """

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(6)
        self._count = 0

    def new(self) -> str:
        """
        @return: a new id
        """
        self._count += 1
        return f"{self._prefix}-{self._count}-{secrets.token_hex(4)}"

    def has(self, id: str | None) -> bool:
        """
        @return: whether this client may have created an id
        """
        return id is not None and id.startswith(self._prefix)
