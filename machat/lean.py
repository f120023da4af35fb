"""
A WebSocket connection of Autobahn that weighs half of its usual 10 kB, and opens in a third of the
time.

Autobahn copies each of its options into each connection, formats them all for a debug log, and
keeps what only the opening handshake needed, each flag and each empty container in a dictionary of
some 90 entries. Here the options are attributes of the class, and an open connection is rid of what
is finished with or only says what the class says as well. Names that Autobahn does not document are
here; C{tests.test_lean} notices when a new release has other ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: What an open connection is finished with.
HANDSHAKE = frozenset(
    {
        "http_request_data",
        "http_status_line",
        "http_headers",
        "http_request_uri",
        "http_request_path",
        "http_request_params",
        "http_request_host",
        "websocket_protocols",
        "websocket_origin",
        "websocket_extensions",
        "websocket_extensions_in_use",
        "_wskey",
        "peer",
        "_transport_details",
        "_valid_events",
        "_results",
        "trafficStats",
        "utf8validator",
        "send_queue",
    }
)

#: What nearly every connection says until it closes: an instance that says so need not.
COMMON: dict[str, Any] = {
    "connected": 1,
    "_alive": True,
    "_perMessageCompress": None,
    "trackedTimings": None,
    "send_state": 0,
    "triggered": False,
    "wasMaxFramePayloadSizeExceeded": False,
    "wasMaxMessagePayloadSizeExceeded": False,
    "closedByMe": False,
    "failedByMe": False,
    "droppedByMe": False,
    "wasClean": False,
    "wasNotCleanReason": None,
    "wasServerConnectionDropTimeout": False,
    "wasOpenHandshakeTimeout": False,
    "wasCloseHandshakeTimeout": False,
    "wasServingFlashSocketPolicyFile": False,
    "localCloseCode": None,
    "localCloseReason": None,
    "remoteCloseCode": None,
    "remoteCloseReason": None,
    "openHandshakeTimeoutCall": None,
    "closeHandshakeTimeoutCall": None,
    "autoPingTimeoutCall": None,
    "autoPingPending": None,
    "autoPingPendingCall": None,
    "autoPingPendingSeq": 0,
    "autoPingPendingSent": None,
    "websocket_version": 13,
    "websocket_protocol_in_use": None,
    "inside_message": False,
    "current_frame": None,
    "data": b"",
    "http_response_data": "",
}


class OnDemand:
    """
    An attribute that most instances never use: made when one does.
    """

    def __init__(self, name: str, make: Any) -> None:
        self._name = name
        self._make = make

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._make()
        return value


def lean(
    protocol: Any, factory: Any, shared: Mapping[str, Any], rare: Mapping[str, Callable[[], Any]]
) -> Any:
    """
    @param protocol: a class of Autobahn's server protocols
    @param factory: with all its options set
    @param shared: attributes of which one value serves all connections
    @param rare: what makes the attributes that few connections use
    @return: the class with the factory's options as its attributes, whose connections are trimmed
        as soon as they are open
    """
    attributes: dict[str, Any] = {
        **COMMON,
        **shared,
        **{name: OnDemand(name, make) for name, make in rare.items()},
        "CONFIG_ATTRS": [],
        "onOpen": _trimAndOpen(protocol.onOpen),
    }
    for name in protocol.CONFIG_ATTRS:
        value = getattr(factory, name)
        attributes[name] = staticmethod(value) if callable(value) else value
    return type(protocol.__name__, (protocol,), attributes)


def _trimAndOpen(onOpen: Callable[[Any], None]) -> Callable[[Any], None]:
    def trimmed(connection: Any) -> None:
        _trim(connection)
        onOpen(connection)

    return trimmed


def _trim(connection: Any) -> None:
    connection.__dict__ = {
        name: value
        for name, value in vars(connection).items()
        if name not in HANDSHAKE and not (name in COMMON and value == COMMON[name])
    }
