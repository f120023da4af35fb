"""
Members that stand for connections, and their names.
"""

from typing import cast

from machat.interfaces import IClientConnection
from machat.member import Member
from machat.service import ChatService
from machat.store.roster import MemoryRoster


def asConnection(member: Member) -> IClientConnection:
    """
    @return: the member, as the type of a connection: it is counted, and never written to
    """
    return cast(IClientConnection, member)


def namesLeft(service: ChatService) -> bool:
    """
    @return: whether the service's roster still holds the name of a member or of a user
    """
    roster = service.rooms._roster
    assert isinstance(roster, MemoryRoster)
    return bool(roster._rooms or roster._users)
