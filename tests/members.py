"""
Members that stand for connections.
"""

from typing import cast

from machat.interfaces import IClientConnection
from machat.member import Member


def asConnection(member: Member) -> IClientConnection:
    """
    @return: the member, as the type of a connection: it is counted, and never written to
    """
    return cast(IClientConnection, member)
