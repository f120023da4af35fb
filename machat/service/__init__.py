"""
The chat itself: what is said, the flush at the end of each turn, and the stop.
"""

from machat.service.chat import ChatService

__all__ = ["ChatService"]
