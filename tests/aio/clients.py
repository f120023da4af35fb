"""
A client for asyncio in a loop whose time passes only when the test says so.
"""

from __future__ import annotations

import asyncio
from typing import Any

from machat.aio import ChatClient
from machat.sansio.reasons import Closed


class ClockLoop(asyncio.SelectorEventLoop):
    """
    An event loop with its own clock.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.failures: list[dict[str, Any]] = []
        self.set_exception_handler(lambda loop, context: self.failures.append(context))

    def time(self) -> float:
        return self.now

    def turn(self, times: int = 12) -> None:
        """
        Run what is ready.
        """
        for _ in range(times):
            self.call_soon(self.stop)
            self.run_forever()

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.turn()
        self.now += seconds
        self.turn()

    def finish(self) -> list[dict[str, Any]]:
        """
        Close the loop.

        @return: what was reported to the loop as a failure
        """
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.turn()
        self.close()
        return self.failures


class MemoryConnection:
    """
    A connection of a client in memory.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.open = True
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._reason: Exception = EOFError()

    async def receive(self) -> list[bytes]:
        line = await self._received.get()
        if line is None:
            raise self._reason
        return [line]

    def put(self, line: bytes) -> None:
        """
        Deliver an object to the client.
        """
        self._received.put_nowait(line)

    def lose(self, code: int) -> None:
        """
        Close the connection with this code.
        """
        if self.open:
            self.open = False
            self._reason = Closed(code, "")
            self._received.put_nowait(None)

    def send(self, line: bytes) -> None:
        if self.open:
            self.sent.append(line)

    def close(self) -> None:
        self.lose(1000)

    def abort(self) -> None:
        self.lose(1006)


class MemoryDialer:
    """
    Connects a client in memory.
    """

    def __init__(self) -> None:
        self.connecting: list[asyncio.Future[MemoryConnection]] = []
        self.connection: MemoryConnection | None = None
        self.refusing = False

    async def dial(self) -> MemoryConnection:
        if self.refusing:
            raise ConnectionRefusedError
        waiting: asyncio.Future[MemoryConnection] = asyncio.get_running_loop().create_future()
        self.connecting.append(waiting)
        try:
            return await waiting
        finally:
            self.connecting.remove(waiting)

    def accept(self) -> MemoryConnection:
        """
        Let the attempt to connect succeed.
        """
        self.connection = MemoryConnection()
        self.connecting[0].set_result(self.connection)
        return self.connection

    def client(self, **options: Any) -> ChatClient:
        """
        @return: a client that connects here
        """
        client = ChatClient("localhost:1", "Mina", **options)
        client._runner._dial = self.dial
        return client
