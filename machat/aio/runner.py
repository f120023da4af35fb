"""
A L{ClientCore} in an event loop: its connection, its timers and its outputs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from machat.aio import reasons
from machat.aio.connections import Connection, Dial
from machat.commands import Auth
from machat.events import Event
from machat.sansio import ClientCore
from machat.sansio.runner import Runner

_log = logging.getLogger("machat.aio")


class CoreRunner(Runner):
    """
    Carries out the outputs of a core with C{asyncio}.

    @ivar paused: whether nothing is read from the server
    """

    def __init__(
        self,
        core: ClientCore,
        dial: Dial,
        credentials: Callable[[], Auth | Awaitable[Auth]],
        notify: Callable[[Event], object],
        ended: Callable[[], object],
    ) -> None:
        """
        @param dial: connects
        @param notify: called with each event
        @param ended: called when the client has ended
        """
        super().__init__(core)
        self.paused = False
        self._dial = dial
        self._credentials = credentials
        self._report = notify
        self._ended = ended
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._authenticating: asyncio.Task[None] | None = None
        self._leaving = False
        self._readable = asyncio.Event()

    @property
    def finished(self) -> bool:
        """
        Whether the client has ended and its last connection is closed.
        """
        return self.core.ended is not None and self._task is None

    async def close(self) -> None:
        """
        End the client, and wait until its connection is closed.
        """
        self.core.stop()
        self.carryOut()
        if self._task is not None:
            await asyncio.wait([self._task])

    def begin(self, command: Callable[[asyncio.Future[Any]], object]) -> asyncio.Future[Any]:
        """
        Give a command to the core.

        @param command: called with the token
        @return: the token, which receives the result
        """
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        command(done)
        self.carryOut()
        return done

    async def end(self, done: asyncio.Future[Any]) -> Any:
        """
        Wait for the result of a command. If this is cancelled, the command is forgotten.
        """
        try:
            return await done
        except asyncio.CancelledError:
            self.core.cancel(done)
            self.carryOut()
            raise

    def pause(self) -> None:
        """
        Stop reading from the server.
        """
        self.paused = True
        self.core.pause()

    def resume(self) -> None:
        """
        Read from the server again.
        """
        self.paused = False
        self._readable.set()
        self.core.resume()
        self.carryOut()

    # The connection.

    async def _converse(self) -> None:
        """
        Connect, and receive until the connection is closed. While events wait to be read, it does
        neither.
        """
        self._leaving = False
        try:
            await self._read()
            self._connection = connection = await self._dial()
        except asyncio.CancelledError:
            self._task = None
            raise
        except Exception as error:
            self._task = None
            self.core.unreachable(reasons.explain(error))
            self.carryOut()
            return
        reason: Exception = EOFError()
        try:
            self.core.connecting()
            self.core.opened()
            self.carryOut()
            await self._receive(connection)
        except Exception as error:
            reason = error
        finally:
            connection.abort()
            self._connection = self._task = None
            self._stopAuthenticating()
            self.core.closed(reasons.explain(reason))
            self.carryOut()

    async def _receive(self, connection: Connection) -> None:
        while True:
            for line in await connection.receive():
                if self.paused:
                    await self._read()
                self.core.received(line)
                self.carryOut()
            if self.paused:
                await self._read()

    async def _read(self) -> None:
        """
        Wait until the application has read events, or the connection is being closed.
        """
        while self.paused and not self._leaving:
            self._readable.clear()
            await self._readable.wait()

    # The outputs of the core.

    def _finish(self) -> None:
        super()._finish()
        if self.core.ended is not None:
            self._ended()

    def _callAt(self, deadline: float) -> asyncio.Handle:
        return asyncio.get_running_loop().call_at(deadline, self._due)

    def _due(self) -> None:
        # After the process was suspended, read first what has arrived meanwhile.
        self._timer = asyncio.get_running_loop().call_soon(self.run)

    def _connect(self) -> None:
        self._task = asyncio.ensure_future(self._converse())

    def _authenticate(self) -> None:
        try:
            auth = self._credentials()
        except Exception as error:
            self._unauthenticated(error)
            return
        if isinstance(auth, Auth):
            self.core.authenticate(auth)
        else:
            self._authenticating = asyncio.ensure_future(self._await(auth))

    async def _await(self, auth: Awaitable[Auth]) -> None:
        try:
            self.core.authenticate(await auth)
        except Exception as error:
            self._unauthenticated(error)
        self._authenticating = None
        self.carryOut()

    def _unauthenticated(self, error: Exception) -> None:
        _log.error("reading the credentials failed", exc_info=error)
        self.core.unauthenticated(str(error))

    def _notify(self, event: Event) -> None:
        self._report(event)

    def _settle(self, token: asyncio.Future[Any], result: Any) -> None:
        if token.done():
            return
        if isinstance(result, Exception):
            token.set_exception(result)
        else:
            token.set_result(result)

    def _send(self, line: bytes) -> None:
        if self._connection is not None:
            self._connection.send(line)

    def _pause(self, paused: bool) -> None:
        """
        Do nothing: L{_converse} reads nothing while events wait.
        """

    def _confirmed(self) -> None:
        """
        Do nothing: no reply is sent by itself.
        """

    def _close(self, abort: bool) -> None:
        self._leaving = True
        self._readable.set()
        if self._connection is not None:
            (self._connection.abort if abort else self._connection.close)()
        elif self._task is not None:
            self._task.cancel()

    def _stopAuthenticating(self) -> None:
        if self._authenticating is not None:
            self._authenticating.cancel()
            self._authenticating = None
