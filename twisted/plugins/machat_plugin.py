"""
The plugin for C{twistd machat}.
"""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker(
    "MaChat", "machat.tap", "A chat server for TCP and WebSocket clients.", "machat"
)
