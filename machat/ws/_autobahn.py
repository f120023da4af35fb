"""
The internals of Autobahn that the server uses.

The names in this module are not documented by Autobahn. They were checked against the releases in
L{CHECKED}. C{tests.ws.test_autobahn} fails if a new release renames one, and states which.

A connection of Autobahn takes 10 kB. Autobahn copies each of its options into each connection,
formats all of them for a debug log, and keeps each flag and each empty container in a dictionary of
about 90 entries. L{lean} makes the options, and the values that are the same in nearly all open
connections, attributes of the class. A connection then takes a quarter of the memory, and opens in
a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from twisted.logger import Logger

#: The releases of Autobahn against which the names in this module were checked.
CHECKED = ("24.4.2", "26.10.2")

#: The methods of a connection that are called or overridden, with their parameters.
METHODS: dict[str, tuple[str, ...]] = {
    "consumeData": (),
    "processData": (),
    "onFrameBegin": (),
    "onFrameData": ("payload",),
    "onMessageFrame": ("payload",),
    "onMessageFrameData": ("payload",),
    "sendCloseFrame": ("code", "reasonUtf8", "isReply"),
}

#: The attributes of a connection that are read or assigned while it receives a frame.
ATTRIBUTES = (
    "state",
    "data",
    "current_frame",
    "current_frame_masker",
    "inside_message",
    "frame_data",
    "message_data",
    "websocket_protocol_in_use",
    "current_frame.opcode",
    "current_frame.fin",
    "current_frame.length",
    "current_frame_masker.pointer",
)

#: The last opcode of data frames. Those above are control frames (RFC 6455 section 5.2).
_LAST_DATA = 7

#: The maximum number of pieces in which an incomplete message is kept. Each takes about 50 bytes in
#: addition to its content.
PIECES = 64

#: The attributes of a connection from its opening until it closes, or until a rare case occurs.
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
    A log for Autobahn that only keeps the errors of the program. Autobahn's lines about peers
    contain no address, and the chat writes its own instead.
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
    An attribute that is created when it is first read, because most instances never read it.
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
    @param factory: a factory with all its options set
    @param shared: the attributes whose value all connections share
    @param rare: functions that create the attributes that few connections use
    @return: the class, with the factory's options and the common values as its attributes
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


class FrameProtocol(WebSocketServerProtocol):
    """
    Autobahn's server protocol, as far as it reads frames. The subclass answers the handshake.
    """

    log = Quiet()
    consuming = False
    state = WebSocketServerProtocol.STATE_CONNECTING
    data: bytes

    def __init__(self) -> None:
        """
        Omit what Autobahn prepares for each connection: see L{lean}.
        """

    def frameBegun(self, brief: bool) -> None:
        """
        A frame begins.

        @param brief: whether it is a control frame or a fragment, which contains no complete line
        """

    def partReceived(self) -> None:
        """
        A part of a frame has arrived, and the rest has not.
        """

    def mustWait(self) -> bool:
        """
        @return: whether the next frame has to wait
        """
        return False

    def consumeData(self) -> None:
        """
        Let Autobahn read frames until one of them has to wait.
        """
        if self.state == self.STATE_CONNECTING:
            WebSocketServerProtocol.consumeData(self)
            return
        self.consuming = True
        try:
            while self.current_frame or not self.mustWait():
                if not self.processData() or self.failedByMe or self.state == self.STATE_CLOSED:
                    break
        finally:
            del self.consuming

    def onFrameBegin(self) -> None:
        frame = self.current_frame
        self.frameBegun(frame.opcode > _LAST_DATA or not frame.fin)
        WebSocketServerProtocol.onFrameBegin(self)

    def onFrameData(self, payload: bytes) -> bool | None:
        if self.current_frame_masker.pointer() < self.current_frame.length:
            self.partReceived()
        taken: bool | None = WebSocketServerProtocol.onFrameData(self, payload)
        return taken

    def onMessageFrameData(self, payload: bytes) -> None:
        """
        Join the parts of a frame, so that they are few.
        """
        WebSocketServerProtocol.onMessageFrameData(self, payload)
        _join(self.frame_data)

    def onMessageFrame(self, payload: list[bytes]) -> None:
        """
        Join the fragments of a message, so that they are few, and drop empty ones.
        """
        WebSocketServerProtocol.onMessageFrame(self, [piece for piece in payload if piece])
        _join(self.message_data)


def _join(pieces: list[bytes]) -> None:
    """
    Join the pieces if they are too many.
    """
    if len(pieces) > PIECES:
        pieces[:] = [b"".join(pieces)]
