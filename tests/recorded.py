"""
Runs the recorded conversations of C{tests/vectors}, which every client runs: see the README there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec

VECTORS = Path(__file__).parent / "vectors"

#: The step in which time passes, seconds.
STEP = 0.05


def plain(value: object) -> Any:
    """
    @return: an event or a result as the object that JSON would represent
    """
    return json.loads(msgspec.json.encode(value))


class Driver(Protocol):
    """
    Runs one client. What the client sends and reports is appended to lists, which L{Conversation}
    empties.

    @ivar sent: the objects that the client has sent
    @ivar events: the events that the client has reported
    @ivar results: the results by name: the object, or the code of the error
    @ivar refusing: whether attempts to connect fail immediately
    """

    sent: list[dict[str, Any]]
    events: list[dict[str, Any]]
    results: dict[str, Any]
    refusing: bool

    @property
    def open(self) -> bool:
        """
        Whether there is a connection.
        """

    @property
    def attempts(self) -> int:
        """
        The number of attempts to connect that have not been answered.
        """

    def do(self, name: str, command: str, fields: dict[str, Any]) -> None:
        """
        Give a command.

        @param name: the name of its result
        """

    def opened(self) -> None:
        """
        Let the attempt to connect succeed.
        """

    def receive(self, line: bytes) -> None:
        """
        Deliver an object to the client.
        """

    def lose(self, code: int) -> None:
        """
        Close the connection.
        """

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """

    def timers(self) -> int:
        """
        @return: the number of timers of the client
        """


def recorded(client: str, transport: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Yield the title and the content of each conversation that a client runs.

    @param client: C{core}, C{twisted}, C{aio} or C{js}
    @param transport: C{tcp} or C{ws}
    """
    for path in sorted(VECTORS.glob("*.json")):
        for conversation in json.loads(path.read_text("utf-8"))["conversations"]:
            skip = conversation.get("skip", {})
            if client not in skip and transport not in skip:
                yield f"{path.stem}: {conversation['title']}", conversation


def altered(conversation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """
    Yield the conversation with one expectation replaced by another one, for each expectation. No
    client behaves as in these conversations.
    """
    steps = conversation["steps"]
    for number, step in enumerate(steps):
        others: list[dict[str, Any]] = []
        if "send" in step:
            others = [{"send": {"type": "x"}}, {"event": {"type": "x"}}]
        if "event" in step:
            others = [{"event": {"type": "x"}}, {"wait": 0}]
        if "result" in step:
            others = [{"result": step["result"], "error": ["x"]}, {"pending": step["result"]}]
        for other in others:
            yield {**conversation, "steps": [*steps[:number], other, *steps[number + 1 :]]}


class Conversation:
    """
    Compares one client with one recorded conversation.
    """

    def __init__(self, conversation: dict[str, Any], driver: Driver) -> None:
        self._steps = conversation["steps"]
        self._ignored = conversation.get("ignore", ())
        self._driver = driver
        self._variables: dict[str, Any] = {}

    def run(self) -> None:
        """
        Run all steps.

        @raise AssertionError: the client did something else
        """
        closed = False
        for number, step in enumerate(self._steps, 1):
            closed = closed or step.get("do") == "close"
            try:
                self._step(step)
            except AssertionError as error:
                raise AssertionError(f"step {number}, {json.dumps(step)}: {error}") from None
        self._nothingLeft()
        if not closed:
            self._driver.do("", "close", {})
            self._driver.advance(STEP)
        timers = self._driver.timers()
        assert not timers, f"{timers} timers are left"

    def _step(self, step: dict[str, Any]) -> None:
        kind = next(iter(step))
        if kind in ("do", "opened", "refuse", "receive", "lost", "wait"):
            self._nothingLeft()
        getattr(self, f"_step_{kind}")(step)

    def _nothingLeft(self) -> None:
        driver = self._driver
        events = [event for event in driver.events if event["type"] not in self._ignored]
        driver.events.clear()
        assert not driver.sent, f"was sent, but not expected: {driver.sent}"
        assert not events, f"was reported, but not expected: {events}"

    # Inputs.

    def _step_do(self, step: dict[str, Any]) -> None:
        fields = {name: value for name, value in step.items() if name not in ("do", "as")}
        if isinstance(fields.get("text"), dict):
            fields["text"] = fields["text"]["repeat"] * fields["text"]["times"]
        self._driver.do(step.get("as", ""), step["do"], fields)
        self._driver.advance(0)

    def _step_opened(self, step: dict[str, Any]) -> None:
        assert self._driver.attempts == 1, f"{self._driver.attempts} attempts to connect"
        self._driver.opened()
        self._driver.advance(0)

    def _step_refuse(self, step: dict[str, Any]) -> None:
        self._driver.refusing = True
        self._wait(step["refuse"])
        self._driver.refusing = False

    def _step_receive(self, step: dict[str, Any]) -> None:
        assert self._driver.open, "there is no connection"
        received = self._filled(step["receive"])
        self._driver.receive(json.dumps(received, ensure_ascii=False).encode())
        self._driver.advance(0)

    def _step_lost(self, step: dict[str, Any]) -> None:
        assert self._driver.open, "there is no connection"
        self._driver.lose(step["lost"])
        self._driver.advance(0)

    def _step_wait(self, step: dict[str, Any]) -> None:
        self._wait(step["wait"])

    def _wait(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self._driver.advance(STEP)

    # Expectations.

    def _step_connect(self, step: dict[str, Any]) -> None:
        earliest, latest = step["connect"]
        passed = 0.0
        while not self._driver.attempts and passed < latest + STEP:
            self._driver.advance(STEP)
            passed += STEP
        assert self._driver.attempts == 1, f"no attempt to connect after {passed:.2f} s"
        assert passed > earliest - STEP, f"an attempt to connect after {passed:.2f} s"

    def _step_send(self, step: dict[str, Any]) -> None:
        assert self._driver.sent, "nothing was sent"
        self._match(step["send"], self._driver.sent.pop(0))

    def _step_event(self, step: dict[str, Any]) -> None:
        while self._driver.events:
            event = self._driver.events.pop(0)
            if event["type"] not in self._ignored:
                self._match(step["event"], event)
                return
        raise AssertionError("nothing was reported")

    def _step_result(self, step: dict[str, Any]) -> None:
        assert step["result"] in self._driver.results, "there is no result"
        result = self._driver.results[step["result"]]
        if "error" in step:
            assert result in step["error"], f"is {result}"
        else:
            self._match(step["is"], result)

    def _step_pending(self, step: dict[str, Any]) -> None:
        result = self._driver.results.get(step["pending"])
        assert result is None, f"the result is {result}"

    def _step_closed(self, step: dict[str, Any]) -> None:
        assert not self._driver.open, "the connection is open"

    # Objects.

    def _filled(self, value: Any) -> Any:
        """
        @return: an object with the values of its variables
        """
        if isinstance(value, dict):
            filled = {name: self._filled(each) for name, each in value.items()}
            return {
                name: each
                for name, each in filled.items()
                if each is not None or value[name] is None
            }
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, str) and value.startswith("$"):
            return self._variables[value]
        return value

    def _match(self, expected: Any, found: Any) -> None:
        if isinstance(expected, str) and expected.startswith("$"):
            expected = self._variables.setdefault(expected, found)
        if isinstance(expected, dict) and isinstance(found, dict):
            for name, value in expected.items():
                self._match(value, found.get(name))
        elif isinstance(expected, list | tuple) and isinstance(found, list | tuple):
            assert len(expected) == len(found), f"{found} does not match {expected}"
            for one, other in zip(expected, found, strict=True):
                self._match(one, other)
        else:
            assert expected == found, f"{found!r} is not {expected!r}"
