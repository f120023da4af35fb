"""
The commands that a user can type: lines that begin with a slash.
"""

from __future__ import annotations

from collections.abc import Callable

from machat.cli import direct
from machat.cli.changes import CHANGES, WrongUse
from machat.cli.help import HELP
from machat.cli.moderation import MODERATION
from machat.cli.talk import Talk
from machat.commands import SetKey


def execute(talk: Talk, line: str) -> None:
    """
    Execute a command.

    @param line: the command, without its slash
    """
    command, _, rest = line.partition(" ")
    rest = rest.strip()
    if command in _NAMED:
        rest = rest.removeprefix("@").lstrip()  # no name begins with it
    if command == "msg":
        direct.message(talk, rest)
    elif command in CHANGES:
        _change(talk, command, rest)
    elif "\n" in line:
        talk.note("this command has only one line")
    elif command in MODERATION and (rest or command != "topic"):
        client = talk.here()
        if client is not None and talk.room is not None:
            client.moderate(MODERATION[command](talk.room, rest))
    elif command in _COMMANDS:
        _COMMANDS[command](talk, rest)
    else:
        talk.note(f"unknown command /{command[:40]}: /help lists all commands")


def _change(talk: Talk, command: str, rest: str) -> None:
    if talk.room is None:
        talk.note("you are not in a room: use /join ROOM")
        talk.failed = True
        return
    try:
        talk.queue.add(CHANGES[command](talk.view.shown, talk.room, rest))
    except WrongUse as error:
        talk.note(str(error))
        talk.failed = True


def _who(talk: Talk, rest: str) -> None:
    client = talk.here()
    if client is not None and talk.room is not None:
        client.who(talk.room)


def _list(talk: Talk, rest: str) -> None:
    client = talk.client
    if client is None or not client.connected:
        talk.note("not connected: the command was not sent")
    else:
        talk.pages.show(talk.listing.page(client, rest)).addCallback(talk.loaded)


def _search(talk: Talk, rest: str) -> None:
    client = talk.here()
    if not rest:
        talk.note("use /search WORDS, to find messages of this room with all of these words")
    elif client is not None and talk.room is not None:
        page = talk.search.page(client, talk.room, rest)
        talk.pages.show(page).addCallback(talk.loaded)


def _more(talk: Talk, rest: str) -> None:
    talk.pages.more().addCallback(talk.loaded)


def _key(talk: Talk, rest: str) -> None:
    client, room = talk.here(), talk.room
    if client is None or room is None:
        return
    key = None if rest == "-" else rest

    def done() -> None:
        if client.joined(room):  # rejoins with this key from now on
            client.join(room, key=key).addErrback(lambda _: None)

    talk.confirmations.send(client, SetKey(room=room, key=key), done)


def _history(talk: Talk, rest: str) -> None:
    client = talk.here()
    if client is not None and talk.room is not None:
        talk.history.typed(client, talk.room, rest).addCallback(talk.loaded)


def _topic(talk: Talk, rest: str) -> None:
    if talk.here() is not None and talk.room is not None:
        topic = talk.known.get(talk.room).topic
        none = f"{talk.room} has no topic"
        talk.note(none if topic is None else f"the topic is: {topic}")


def _setting(name: str) -> Callable[[Talk, str], None]:
    return lambda talk, rest: talk.note(talk.settings.switch(name, rest))


def _quit(talk: Talk, rest: str) -> None:
    waiting = talk.queue.waiting
    if not waiting or talk.goodbye:
        talk.quit(1 if waiting or talk.failed else 0)
        return
    talk.goodbye = True
    talk.note(f"{waiting} lines are still waiting: type /quit again to quit now")
    talk.settled().addCallback(lambda _: talk.quit(1 if talk.failed else 0))


_COMMANDS: dict[str, Callable[[Talk, str], None]] = {
    "join": Talk.join,
    "leave": lambda talk, rest: talk.leave(),
    "who": _who,
    "list": _list,
    "search": _search,
    "more": _more,
    "key": _key,
    "history": _history,
    "topic": _topic,
    "times": _setting("times"),
    "numbers": _setting("numbers"),
    "bell": _setting("bell"),
    "typing": _setting("typing"),
    "msg": direct.message,
    "block": direct.block,
    "unblock": direct.unblock,
    "help": lambda talk, rest: talk.notes.addAll(HELP),
    "quit": _quit,
}

#: The names of the commands whose argument is a room.
ROOM_COMMANDS = frozenset(["join", "list"])

#: The names of the commands whose first argument is a user.
USER_COMMANDS = frozenset(["msg", "block", "unblock"])

#: The names of all commands whose first argument is a user. The completion of names keeps the sign
#: before a name.
_NAMED = USER_COMMANDS | {"kick", "mute", "unmute", "ban", "unban"}

#: The names of all commands, in alphabetical order.
COMMAND_NAMES = sorted({*_COMMANDS, *CHANGES, *MODERATION})
