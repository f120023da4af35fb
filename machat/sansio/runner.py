"""
The part that the adapters of a L{ClientCore<machat.sansio.ClientCore>} share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from machat.events import Event
from machat.sansio.core import ClientCore
from machat.sansio.outputs import (
    Authenticate,
    Close,
    Confirmed,
    Connect,
    Notify,
    Output,
    Pause,
    Send,
    Settle,
)


class Cancellable(Protocol):
    """
    A call at a later time, as event loops return it.
    """

    def cancel(self) -> object: ...


class Runner(ABC):
    """
    Carries out the outputs of a core in order, and runs the core when its first timer is due. A
    subclass connects it to an event loop.

    @ivar core: the core. Call L{carryOut} after each of its methods
    """

    def __init__(self, core: ClientCore) -> None:
        self.core = core
        self._carrying = False
        self._timer: Cancellable | None = None
        self._deadline: float | None = None

    def carryOut(self) -> None:
        """
        Carry out all outputs, and set the timer. Does nothing if it is called while outputs are
        carried out, by a listener or a callback.
        """
        if self._carrying:
            return
        self._carrying = True
        outputs = self.core.outputs
        try:
            while outputs:
                self._carry(outputs.popleft())
        finally:
            self._carrying = False
        self._finish()

    def run(self) -> None:
        """
        Run the core at the time for which L{_callAt} was called.
        """
        self._timer = self._deadline = None
        self.core.run()
        self.carryOut()

    def _finish(self) -> None:
        """
        Set the timer, after all outputs have been carried out.
        """
        deadline = self.core.deadline
        if deadline != self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._deadline = deadline
            self._timer = None if deadline is None else self._callAt(deadline)

    def _carry(self, output: Output) -> None:
        match output:
            case Send(line):
                self._send(line)
            case Notify(event):
                self._notify(event)
            case Settle(token, result):
                self._settle(token, result)
            case Pause(paused):
                self._pause(paused)
            case Confirmed():
                self._confirmed()
            case Connect():
                self._connect()
            case Authenticate():
                self._authenticate()
            case Close(abort):
                self._close(abort)

    @abstractmethod
    def _callAt(self, deadline: float) -> Cancellable:
        """
        Call L{run} at this time.
        """

    # The outputs: see L{machat.sansio.outputs}.

    @abstractmethod
    def _connect(self) -> None: ...

    @abstractmethod
    def _authenticate(self) -> None: ...

    @abstractmethod
    def _send(self, line: bytes) -> None: ...

    @abstractmethod
    def _notify(self, event: Event) -> None: ...

    @abstractmethod
    def _settle(self, token: Any, result: Any) -> None: ...

    @abstractmethod
    def _pause(self, paused: bool) -> None: ...

    @abstractmethod
    def _confirmed(self) -> None: ...

    @abstractmethod
    def _close(self, abort: bool) -> None: ...
