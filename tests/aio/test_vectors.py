"""
Recorded conversations with L{machat.aio}.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from machat.aio import Room
from machat.commands import Auth
from machat.errors import ChatError
from tests.aio.clients import ClockLoop, MemoryDialer
from tests.recorded import Conversation, plain, recorded


class AsyncioDriver:
    """
    A client of L{machat.aio} on a connection in memory.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.sent: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.results: dict[str, Any] = {}
        self._loop = ClockLoop()
        self._dialer = MemoryDialer()
        credentials = [Auth(**each) for each in options.get("credentials", ())]

        async def read() -> Auth:
            return credentials.pop(0) if credentials else Auth()

        self._client = self._dialer.client(credentials=read)
        self._rooms: list[Room] = []
        self._reading = self._loop.create_task(self._read())

    async def _read(self) -> None:
        async for event in self._client:
            self.events.append(plain(event))

    @property
    def attempts(self) -> int:
        return len(self._dialer.connecting)

    @property
    def open(self) -> bool:
        connection = self._dialer.connection
        return connection is not None and connection.open

    @property
    def refusing(self) -> bool:
        return self._dialer.refusing

    @refusing.setter
    def refusing(self, refusing: bool) -> None:
        self._dialer.refusing = refusing

    def do(self, name: str, command: str, fields: dict[str, Any]) -> None:
        self._loop.create_task(self._do(name, command, fields))
        self._loop.turn()

    async def _do(self, name: str, command: str, fields: dict[str, Any]) -> None:
        client = self._client
        if command == "open":
            client.start()
        elif command in ("leave", "typing"):
            getattr(client, command)(**fields)
        else:
            try:
                result = await getattr(client, command)(**fields)
            except ChatError as error:
                self.results[name] = error.code
                return
            self.results[name] = plain(result.joined if isinstance(result, Room) else result)

    def opened(self) -> None:
        self._dialer.accept()
        self._loop.turn()

    def receive(self, line: bytes) -> None:
        assert self._dialer.connection is not None
        self._dialer.connection.put(line)

    def lose(self, code: int) -> None:
        assert self._dialer.connection is not None
        self._dialer.connection.lose(code)

    def advance(self, seconds: float) -> None:
        self._loop.advance(seconds)
        if self._dialer.connection is not None:
            self.sent += [json.loads(line) for line in self._dialer.connection.sent]
            self._dialer.connection.sent.clear()

    def timers(self) -> int:
        tasks = {task for task in asyncio.all_tasks(self._loop) if task is not self._reading}
        return len(tasks) + int(self._client._runner._timer is not None)

    def finish(self) -> list[dict[str, Any]]:
        """
        @return: the failures that nothing has handled
        """
        return self._loop.finish()


class RecordedTests(SynchronousTestCase):
    def test_recorded(self) -> None:
        """
        The client behaves as recorded.
        """
        titles = []
        for title, conversation in recorded("aio", "ws"):
            titles.append(title)
            driver = AsyncioDriver(conversation.get("options", {}))
            try:
                Conversation(conversation, driver).run()
            except AssertionError as error:
                self.fail(f"{title}: {error}")
            finally:
                self.assertEqual(driver.finish(), [], title)
        self.assertGreater(len(titles), 50)
