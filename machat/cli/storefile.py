"""
The command C{machat-store}: it checks, measures, copies and exports the file of an SQLite store.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from datetime import datetime, timezone

import msgspec

from machat import __version__, names
from machat.store.sqlite import StoreError, inspect

#: The number of rooms that C{stats} lists.
LISTED = 10


def main() -> None:
    """
    Execute the command line. The exit status is 0 only if everything was done and the file is in
    order.
    """
    parser = ArgumentParser(
        prog="machat-store",
        description="Work with the file of --store sqlite:FILE. A server may use it meanwhile.",
    )
    parser.add_argument("--version", action="version", version=f"MaChat {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, text in (
        ("check", _check, "check the whole file"),
        ("stats", _stats, "show the size of the file and of its rooms"),
        ("export", _export, "write all messages to standard output, each as a line of JSON"),
        ("backup", _backup, "copy the database to a new file"),
    ):
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        command.add_argument("file", metavar="FILE", help="the database")
        command.set_defaults(function=function)
        if name == "export":
            command.add_argument("--room", metavar="ROOM", help="only the messages of this room")
        elif name == "backup":
            command.add_argument("target", metavar="TARGET", help="the new file")
    options = parser.parse_args()
    try:
        options.function(options)
        sys.stdout.flush()
    except StoreError as error:
        sys.exit(f"machat-store: {error}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more is written
        sys.exit("machat-store: the reader of the output has ended")
    except OSError as error:
        sys.exit(f"machat-store: {error.strerror}")


def _check(options: Namespace) -> None:
    faults = 0
    for line in inspect.check(options.file):
        print(line)
        faults += 1
    if faults:
        sys.exit(f"machat-store: {options.file} is damaged: restore a backup")
    rooms = inspect.statistics(options.file).rooms
    count = sum(room.messages for room in rooms)
    print(f"{options.file} is in order: {count} messages in {len(rooms)} rooms")


def _stats(options: Namespace) -> None:
    found = inspect.statistics(options.file)
    count = sum(room.messages for room in found.rooms)
    used = found.bytes - found.free
    print(f"file:      {found.bytes} bytes, of which {found.free} are free")
    print(f"messages:  {count}" + (f", {used / count:.0f} bytes each" if count else ""))
    if found.oldest is not None and found.newest is not None:
        print(f"           from {_time(found.oldest)} to {_time(found.newest)}")
    print(f"sanctions: {found.sanctions}")
    print(f"rooms:     {len(found.rooms)}")
    for room in found.rooms[:LISTED]:
        print(f"           {room.messages} messages, {room.bytes} bytes: {room.name}")


def _export(options: Namespace) -> None:
    key = None if options.room is None else names.key(options.room)
    encode = msgspec.json.encode
    for message in inspect.messages(options.file, key):
        sys.stdout.buffer.write(encode(message) + b"\n")


def _backup(options: Namespace) -> None:
    inspect.backup(options.file, options.target)
    print(f"{options.target} is a copy of {options.file}")


def _time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
