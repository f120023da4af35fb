"""
The chat itself: sending messages, the flush at the end of each turn, and the stop.
"""

from machat.service.chat import ChatService

__all__ = ["ChatService"]
