"""
Recorded conversations with L{machat.sansio}.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat import commands, sansio
from machat.commands import Auth
from machat.errors import ChatError
from machat.sansio import ClientCore, entries, reasons
from machat.sansio.reasons import Closed, Reason
from tests.recorded import Conversation, plain, recorded


class CoreDriver:
    """
    A L{ClientCore} whose outputs are carried out in memory.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.sent: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.results: dict[str, Any] = {}
        self.open = False
        self.refusing = False
        self.attempts = 0
        self._credentials = [Auth(**each) for each in options.get("credentials", ())]
        self._clock = Clock()
        self._core = ClientCore("Mina", True, self._clock.seconds)

    def _carryOut(self) -> None:
        while self._core.outputs:
            output = self._core.outputs.popleft()
            getattr(self, f"_{type(output).__name__.lower()}")(output)

    def _connect(self, output: sansio.Connect) -> None:
        if self.refusing:
            self._core.unreachable(Reason(reasons.UNREACHABLE, "refused"))
        else:
            self.attempts += 1

    def _authenticate(self, output: sansio.Authenticate) -> None:
        self._core.authenticate(self._credentials.pop(0) if self._credentials else Auth())

    def _send(self, output: sansio.Send) -> None:
        assert self.open
        self.sent.append(json.loads(output.line))

    def _notify(self, output: sansio.Notify) -> None:
        self.events.append(plain(output.event))

    def _settle(self, output: sansio.Settle) -> None:
        failed = isinstance(output.result, ChatError)
        assert output.token not in self.results
        self.results[output.token] = output.result.code if failed else plain(output.result)

    def _close(self, output: sansio.Close) -> None:
        self.attempts = 0
        self.lose(1006)

    def _confirmed(self, output: sansio.Confirmed) -> None:
        assert self.open

    # The test.

    def do(self, name: str, command: str, fields: dict[str, Any]) -> None:
        core = self._core
        if command == "open":
            core.start()
        elif command == "close":
            core.stop()
        elif command == "leave":
            core.leave(fields["room"])
        elif command == "join":
            core.join(fields["room"], fields.get("history", 0), name, fields.get("key"))
        elif command == "say":
            room = fields.pop("room")
            core.post(room, entries.say(**fields), name)
        elif command == "direct":
            core.direct(fields.pop("user"), entries.say(**fields), name)
        elif command == "typing":
            core.typing(fields["room"])
        elif command in ("block", "markRead", "listRooms"):
            core.request(self._request(command, **fields), name)
        elif command in ("edit", "redact", "react"):
            kind = getattr(commands, command.capitalize())
            core.post(fields.pop("room"), kind(**fields), name)
        elif command == "history":
            core.history(commands.History(**fields), name)
        else:
            getattr(core, command)(*fields.values(), name)
        self._carryOut()

    def _request(self, command: str, **fields: Any) -> commands.Command:
        if command == "block":
            kind = commands.Block if fields.get("blocked", True) else commands.Unblock
            return kind(name=fields["user"])
        return (commands.Read if command == "markRead" else commands.ListRooms)(**fields)

    def opened(self) -> None:
        self.attempts = 0
        self.open = True
        self._core.connecting()
        self._core.opened()
        self._carryOut()

    def receive(self, line: bytes) -> None:
        self._core.received(line)
        self._carryOut()

    def lose(self, code: int) -> None:
        if self.open:
            self.open = False
            reason = reasons.explain(Closed(code, ""))
            assert reason is not None
            self._core.closed(reason)
            self._carryOut()

    def advance(self, seconds: float) -> None:
        self._clock.advance(seconds)
        deadline = self._core.deadline
        if deadline is not None and deadline <= self._clock.seconds() + 1e-9:
            self._core.run()
        self._carryOut()

    def timers(self) -> int:
        return int(self._core.deadline is not None)


class RecordedTests(SynchronousTestCase):
    def test_recorded(self) -> None:
        """
        The client behaves as recorded.
        """
        titles = []
        for title, conversation in recorded("core", "ws"):
            titles.append(title)
            try:
                Conversation(conversation, CoreDriver(conversation.get("options", {}))).run()
            except AssertionError as error:
                self.fail(f"{title}: {error}")
        self.assertGreater(len(titles), 50)
