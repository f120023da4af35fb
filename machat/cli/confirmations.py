"""
Commands whose success has a consequence for the client.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from machat.client import ChatClient
from machat.commands import Command

#: The maximum number of commands that wait for their answer. An older one is forgotten.
MAX_WAITING = 100


class Confirmations:
    """
    Sends commands with an id, and waits for their answers.
    """

    def __init__(self) -> None:
        self._count = 0
        self._waiting: dict[str, Callable[[], object]] = {}

    def send(self, client: ChatClient, command: Command, done: Callable[[], object]) -> None:
        """
        Send a command.

        @param done: called when the server has carried it out
        """
        self._count += 1
        id = f"confirm-{self._count}"
        self._waiting.pop(f"confirm-{self._count - MAX_WAITING}", None)
        self._waiting[id] = done
        client.moderate(replace(command, id=id))

    def answered(self, id: str | None, done: bool) -> None:
        """
        Record an answer.

        @param done: whether the command was carried out
        """
        action = self._waiting.pop(id, None) if id is not None else None
        if done and action is not None:
            action()

    def lost(self) -> None:
        """
        Forget all commands, because the connection is lost.
        """
        self._waiting.clear()
