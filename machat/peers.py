"""
Who is at the other end of a connection.
"""

from __future__ import annotations

from typing import Any


def describe(address: Any) -> str:
    """
    @param address: an L{IAddress}
    @return: what the log calls it
    """
    return f"{address.host}:{address.port}" if hasattr(address, "host") else "unix"
