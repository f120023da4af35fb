"""
The quota for replies to a server. Without it, a server that requests replies but does not read them
could fill the client's memory.
"""

from __future__ import annotations

#: The maximum size of the replies that the server is not proven to have read, bytes.
MAX_UNCONFIRMED = 65_536


class ReplyQuota:
    """
    The size of one connection's replies that the server may not have read.
    """

    def __init__(self) -> None:
        self._size = 0

    def allow(self, size: int) -> bool:
        """
        @param size: the size of another reply, bytes
        @return: whether it may be sent. If so, it is counted
        """
        if self._size + size > MAX_UNCONFIRMED:
            return False
        self._size += size
        return True

    def confirmed(self) -> None:
        """
        Record that the server has read all replies.
        """
        self._size = 0
