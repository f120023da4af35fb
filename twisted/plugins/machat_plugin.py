"""
C{twistd machat}.
"""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker(
    "MaChat", "machat.tap", "A chat room on TCP lines and WebSocket.", "machat"
)
