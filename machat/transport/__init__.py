"""
The code between a session and a socket, for any transport: the send queue of a connection and
the memory budget of all send queues, keepalive, certificates, and the PROXY protocol.
"""

from machat.transport.budget import SendBudget
from machat.transport.outbox import Outbox
from machat.transport.pings import Wheel
from machat.transport.proxy import ProxiedFactory
from machat.transport.tls import Certificates

__all__ = [
    "Certificates",
    "Outbox",
    "ProxiedFactory",
    "SendBudget",
    "Wheel",
]
