"""
The HTTP of a chat's endpoints: requests and answers, hosts and origins, the opening handshake of a
WebSocket, and the files of the page. Only C{resource} uses L{twisted.web}.
"""

from machat.http.origins import Hosts, Origins

__all__ = ["Hosts", "Origins"]
