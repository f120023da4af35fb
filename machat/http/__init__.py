"""
HTTP as far as the endpoints of a chat need it: requests and answers, hosts and origins, the opening
handshake of a WebSocket, and the files of the page. Only C{resource} knows L{twisted.web}.
"""

from machat.http.origins import Hosts, Origins

__all__ = ["Hosts", "Origins"]
