"""
Members that stand for connections, and their names.
"""

from typing import cast

from machat.interfaces import IClientConnection
from machat.member import Member
from machat.service import ChatService
from machat.store.memory import MemoryStore
from machat.testing.store import UnreliableStore
from tests.stores import SlowStore


def asConnection(member: Member) -> IClientConnection:
    """
    @return: the member, as the type of a connection: it is counted, and never written to
    """
    return cast(IClientConnection, member)


def namesLeft(service: ChatService) -> bool:
    """
    @return: whether the service's store still holds the name of a member or of a user
    """
    store = service.store
    while isinstance(store, SlowStore | UnreliableStore):
        store = store.store
    assert isinstance(store, MemoryStore)
    return any(len(room.roster) for room in [*store._open.values(), *store._idle.values()])
