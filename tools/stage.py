"""
A server, and the programs that take part in a conversation on it: C{machat} in a terminal, C{curl},
and a bot that uses L{machat.aio}.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from machat.aio import ChatClient
from machat.commands import Auth
from machat.errors import ChatError
from machat.events import Event
from tests.page.sites import apiKey
from tests.processes import BIN, LOCAL, PATIENCE, ServerTestCase, find, portsOf, shortFolder
from tests.terminal import Terminal

#: A secret for tokens: 32 bytes or more.
_SECRET = "a conversation with all features, 2026"

#: Patterns of the values that differ from run to run, and their replacements.
_VARIES = (
    (r'"at":\d+', '"at":AT'),
    (r'"epoch":"\w+"', '"epoch":"EPOCH"'),
    (r'"id":"[\w-]+"', '"id":"ID"'),
)


def constant(text: str) -> str:
    """
    @return: the text without the values that differ from run to run
    """
    for pattern, replacement in _VARIES:
        text = re.sub(pattern, replacement, text)
    return text


class Loop:
    """
    An event loop of asyncio in a thread of its own.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """
        @return: the result
        """
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def stop(self) -> None:
        """
        End the thread.
        """
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Bot:
    """
    A client of L{machat.aio}.

    @ivar label: its name in the transcript
    @ivar names: the names that the calls use: C{client}, and C{room} after a join
    """

    def __init__(self, loop: Loop, address: str, name: str, token: str) -> None:
        self.label = name
        self._loop = loop
        self._events: SimpleQueue[Event] = SimpleQueue()
        self.names: dict[str, Any] = {}
        loop.run(self._begin(address, name, token))

    async def _begin(self, address: str, name: str, token: str) -> None:
        client = self.names["client"] = ChatClient(
            address, name, credentials=lambda: Auth(token=token)
        )
        client.start()
        self._reading = asyncio.ensure_future(self._read(client))

    async def _read(self, client: ChatClient) -> None:
        async for event in client.events():
            self._events.put(event)

    def call(self, code: str) -> str:
        """
        Evaluate a call, such as C{await room.say("hello")}, and wait for its result.

        @return: the result, or the refusal
        """

        async def evaluate() -> Any:
            found = eval(code.removeprefix("await "), {}, self.names)
            return await found if asyncio.iscoroutine(found) else found

        try:
            result = self._loop.run(evaluate())
        except ChatError as error:
            return f"{error.code}: {error.text}"
        if "join" in code:
            self.names["room"] = result
            return ""
        return "" if result is None else _json(result)

    def event(self, type: str) -> str:
        """
        @return: the next event of this type
        @raise AssertionError: there is none
        """
        skipped: list[str] = []
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"no {type} after {skipped}") from None
            line = _json(event)
            if f'"type":"{type}"' in line:
                return line
            skipped.append(line)

    def close(self) -> None:
        """
        Disconnect.
        """
        self._loop.run(self.names["client"].close())


def _json(result: Any) -> str:
    return constant(msgspec.json.encode(result).decode())


class Screen:
    """
    C{machat} in a terminal of 100 columns.
    """

    def __init__(self, case: ServerTestCase, command: str) -> None:
        self._terminal = Terminal(case, command, columns=100)
        self._count = 0
        self._output = Path(shortFolder(case)) / "output"
        self._terminal.tmux("pipe-pane", f"cat > {self._output}")

    def press(self, *keys: str) -> None:
        """
        Press keys, as C{tmux send-keys} names them.
        """
        self._terminal.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """
        Type a text. Alt+Enter begins each further line.
        """
        for number, line in enumerate(text.split("\n")):
            if number:
                self.press("M-Enter")
            self.press("-l", "--", line)

    def lines(self, last: str) -> list[str]:
        """
        @return: the new lines above the input, up to one with this text
        @raise AssertionError: there is none
        """

        def found() -> list[str] | None:
            lines = self._printed()[self._count :]
            ends = [number for number, line in enumerate(lines, 1) if last in line]
            return lines[: ends[0]] if ends else None

        lines = self._terminal.await_(found, f"no {last!r} after line {self._count}")
        self._count += len(lines)
        return lines

    def bottom(self, text: str, again: Callable[[], object]) -> str:
        """
        @param again: called repeatedly
        @return: the bottom line, as soon as it has this text
        """

        def found() -> str | None:
            line = self._terminal.tmux("capture-pane", "-p").rstrip().split("\n")[-1].strip()
            if text in line:
                return line
            again()
            return None

        return self._terminal.await_(found, f"no {text!r} in the bottom line")

    def bells(self) -> int:
        """
        Wait until the bell has rung.

        @return: the number of times
        """

        def rung() -> int | None:
            output = self._output.read_bytes() if self._output.exists() else b""
            return output.count(b"\x07") or None

        return self._terminal.await_(rung, "the bell has not rung")

    def ended(self) -> None:
        """
        Wait until the command has ended with status 0.
        """
        self._terminal.awaitScreen("status 0")

    def _printed(self) -> list[str]:
        screen = self._terminal.tmux("capture-pane", "-p", "-J", "-S", "-").split("\n")
        if "connected" in screen:  # the lines above it were erased by the terminal
            screen = screen[screen.index("connected") :]
        prompts = [number for number, line in enumerate(screen) if line[:2] in (">", "> ")]
        return [line.rstrip() for line in screen[: prompts[-1]]] if prompts else []


class Stage:
    """
    A server with accounts, an SQLite store and the HTTP API.
    """

    def __init__(self, case: ServerTestCase) -> None:
        self._case = case
        self._folder = Path(shortFolder(case))
        secret = self._folder / "secret"
        secret.write_text(_SECRET)
        store = self._folder / "machat.sqlite"
        self._key = apiKey(self._folder, "Deploy", "publish,read")
        ends = ("--tcp", LOCAL, "--ws", "none", "--api", LOCAL)
        keys = ("--api-keys", self._folder / "keys", "--store", f"sqlite:{store}")
        self._server = case.serve(*ends, *keys, "--auth", f"jwt:keyfile={secret}")
        tcp, self._api = portsOf(self._server, "ChatFactory", "ApiSite")
        self._address = f"localhost:{tcp}"
        self._loop = Loop()
        case.addCleanup(self._loop.stop)

    def _token(self, name: str, *rights: str) -> str:
        command = (BIN / "machat-token", "create", "--key-file", self._folder / "secret")
        words = [str(word) for word in (*command, "--name", name, *rights)]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def terminal(self, name: str) -> Screen:
        """
        @return: the terminal of a moderator in the room C{ops}
        """
        file = self._folder / "token"
        file.write_text(self._token(name, "--mod", "*"))
        options = f"--client {name} --room ops --no-times --token-file {file}"
        return Screen(
            self._case, f"{BIN}/machat {options} --address {self._address}; echo status $?"
        )

    def bot(self, name: str) -> Bot:
        """
        @return: a bot, which is connected and in no room
        """
        bot = Bot(self._loop, self._address, name, self._token(name))
        self._case.addCleanup(bot.close)
        return bot

    def stop(self) -> bytes:
        """
        Stop the server.

        @return: the contents of the files of the store
        """
        self._server.terminate()
        self._server.communicate(timeout=PATIENCE)
        return b"".join([path.read_bytes() for path in self._folder.glob("machat.sqlite*")])

    def curl(self, path: str, body: str) -> tuple[str, str]:
        """
        @return: the command as it is shown, and its answer
        """
        key, url = "X-API-Key: $KEY", f"$MACHAT/api/{path}"
        shown = f'curl -H "{key}" -d {shlex.quote(body)} {url}'
        words = [find("curl"), "-sS", "-H", key.replace("$KEY", self._key), "-d", body]
        url = url.replace("$MACHAT", f"http://127.0.0.1:{self._api}")
        done = subprocess.run([*words, url], check=True, capture_output=True, text=True)
        return shown, constant(done.stdout.strip())
