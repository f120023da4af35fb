"""
A WebSocket connection of Autobahn that weighs a quarter of its usual 10 kB, and opens in a tenth of
the time.

Autobahn copies each of its options into each connection, formats them all for a debug log, and
keeps each flag and each empty container in a dictionary of some 90 entries. Here the options, and
all that nearly every open connection says alike, are attributes of the class. Names that Autobahn
does not document are here; C{tests.ws.test_autobahn} notices when a new release has other ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.logger import Logger

#: What a connection says from its opening until it is closed, or something out of the way happens.
COMMON: dict[str, Any] = {
    "connected": 1,
    "peer": None,
    "data": b"",
    "inside_message": False,
    "current_frame": None,
    "send_state": 0,
    "send_queue": (),  # for chopped writes, which we do not use
    "triggered": False,
    "trackedTimings": None,
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
    "_perMessageCompress": None,
}


class Quiet:
    """
    A log for Autobahn that keeps errors of the program. Autobahn's lines about peers have no
    address, and the chat has its own in their place.
    """

    _log = Logger()

    def debug(self, *args: Any, **fields: Any) -> None:
        """
        Write nothing.
        """

    trace = info = warn = debug

    def error(self, format: str, **fields: Any) -> None:
        """
        Write an error.
        """
        self._log.error(format, **fields)


class OnDemand:
    """
    An attribute that most instances never use: made when one does.
    """

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
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
    @return: the class with the factory's options, and all else that its connections have in common,
        as its attributes
    """
    attributes: dict[str, Any] = {
        **COMMON,
        **shared,
        **{name: OnDemand(name, make) for name, make in rare.items()},
        "CONFIG_ATTRS": [],
    }
    for name in protocol.CONFIG_ATTRS:
        value = getattr(factory, name)
        attributes[name] = staticmethod(value) if callable(value) else value
    return type(protocol.__name__, (protocol,), attributes)
