"""
The contracts between the parts of MaChat.

L{IChatRoom} is the chat as a protocol sees it, and L{IChatMember} a member as a room sees it. The
store implements L{IStore} and L{IStoredRoom}. Both are asynchronous even where they complete
immediately, so that an engine on another machine can implement them.
"""

from machat.interfaces.chat import IChatHooks, IChatRoom, IRoomPolicy
from machat.interfaces.deliveries import IDeliveries
from machat.interfaces.listing import ISharedRooms
from machat.interfaces.members import IChatMember, IChatUser, IClientConnection, IConnected, IOutbox
from machat.interfaces.store import (
    IPromptRoom,
    IQuotas,
    IRoomObserver,
    IStore,
    IStoredRoom,
    IStoreFactory,
)
from machat.interfaces.transport import ISessionTransport
from machat.interfaces.watcher import IChatWatcher

__all__ = [
    "IChatHooks",
    "IChatMember",
    "IChatRoom",
    "IChatUser",
    "IChatWatcher",
    "IClientConnection",
    "IConnected",
    "IDeliveries",
    "IOutbox",
    "IPromptRoom",
    "IQuotas",
    "IRoomObserver",
    "IRoomPolicy",
    "ISessionTransport",
    "ISharedRooms",
    "IStore",
    "IStoreFactory",
    "IStoredRoom",
]
