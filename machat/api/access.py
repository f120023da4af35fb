"""
The keys of requests to the HTTP API.
"""

from __future__ import annotations

from typing import Any

from machat.addresses import describe, forwardedFor, networkOf
from machat.api.limits import WRONG, WRONG_TOKEN, Counts
from machat.api.tokens import keyOf
from machat.auth.apikeys import ApiKey, ApiKeys
from machat.http.resource import fieldOf
from machat.interfaces import IChatRoom


def argument(request: Any, name: str) -> str | None:
    """
    @param request: a request of L{twisted.web}
    @return: an argument of the query; C{None} if it is missing
    """
    values = request.args.get(name.encode())
    return None if not values else values[0].decode("utf-8", "replace")


class Access:
    """
    Authenticates requests, and logs those with wrong keys. It never logs a key.
    """

    def __init__(self, chat: IChatRoom, keys: ApiKeys, counts: Counts, proxies: int) -> None:
        """
        @param proxies: see L{forwardedFor}
        """
        self._chat = chat
        self._keys = keys
        self._counts = counts
        self._proxies = proxies

    def addressOf(self, request: Any) -> Any:
        """
        @return: the address of the client
        """
        if self._proxies:
            values = request.requestHeaders.getRawHeaders(b"x-forwarded-for", [])
            head = b"".join([b"X-Forwarded-For: %s\r\n" % value for value in values])
            found = forwardedFor(head, self._proxies)
            if found is not None:
                return found
        return request.getClientAddress()

    def keyOf(self, request: Any) -> ApiKey | None:
        """
        @return: the key in a header field of the request
        """
        secret = fieldOf(request, b"x-api-key")
        if secret is None:
            scheme, _, secret = (fieldOf(request, b"authorization") or "").partition(" ")
            if scheme.lower() != "bearer":
                return None
        return self._keys.find(secret.strip())

    def readerOf(self, request: Any) -> ApiKey | None:
        """
        @return: the key in a header field, or of the token in the query, for an event stream
        """
        token, room = argument(request, "token"), argument(request, "room")
        if token is None or room is None:
            return self.keyOf(request)
        return keyOf(token, room, self._keys, self._chat.clock.now())

    def payerOf(self, request: Any, key: ApiKey, streams: bool) -> str:
        """
        @param streams: see L{authenticate}
        @return: the name of what pays for a request: the key; or the network of a client that has a
            token, so that the application's own requests are not refused because of it
        """
        if not _hasToken(request, streams):
            return key.label
        network = networkOf(self.addressOf(request))
        return key.label if network is None else f"{key.label} {network}"

    def authenticate(self, request: Any, streams: bool) -> ApiKey:
        """
        @param streams: whether a token is accepted as well
        @raise ChatError: C{bad-credentials}; C{busy}: too many requests with wrong keys from this
            network
        """
        key = self.readerOf(request) if streams else self.keyOf(request)
        if key is not None:
            return key
        address = self.addressOf(request)
        network = networkOf(address)
        hasToken = _hasToken(request, streams)
        self._chat.logbook.note(
            network,
            "request from {peer} to the API refused: {reason}",
            peer=describe(address),
            reason=WRONG_TOKEN if hasToken else "the key is missing, wrong or revoked",
        )
        raise self._counts.failed(network, WRONG_TOKEN if hasToken else WRONG)


def _hasToken(request: Any, streams: bool) -> bool:
    return streams and argument(request, "token") is not None
