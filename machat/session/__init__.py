"""
One client from its hello to its end, over any transport. After the hello, a text or an events
conversation serves the client, one for each dialect.
"""

from machat.session.interfaces import IClientSession, IConversation
from machat.session.session import Session, State

__all__ = [
    "IClientSession",
    "IConversation",
    "Session",
    "State",
]
