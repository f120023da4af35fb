"""
What a client sends because its server asks for it.

A server that asks and does not read the answers would fill the client's memory with them.
"""

from __future__ import annotations

#: Bytes of answers that may be on their way without any proof that the server reads.
MOST = 65_536


class ReplyQuota:
    """
    The answers of one connection that the server may not have read.
    """

    def __init__(self) -> None:
        self._size = 0

    def allow(self, size: int) -> bool:
        """
        @param size: of one more answer, bytes
        @return: whether it may be sent
        """
        if self._size + size > MOST:
            return False
        self._size += size
        return True

    def confirmed(self) -> None:
        """
        The server has read all of them.
        """
        self._size = 0
