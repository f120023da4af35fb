"""
Webhooks: the events of a chat, sent to a program as signed HTTP requests.

    >>> receiver = Receiver(reactor, "https://example.com/chat", secretsOf(text), chat.clock.now)
    >>> Webhooks(chat, receiver)

The requests follow the Standard Webhooks specification, version 1.0.0
(U{https://www.standardwebhooks.com}).
"""

from machat.webhooks.receiver import Receiver, Undelivered
from machat.webhooks.sender import Webhooks
from machat.webhooks.signature import secretsOf

__all__ = ["Receiver", "Undelivered", "Webhooks", "secretsOf"]
