"""
The command C{machat-passwd}: it creates a user's line for a password file.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from argon2 import PasswordHasher

from machat import __version__, names
from machat.auth.passwords import read
from machat.cli.replacing import locked, replace
from machat.cli.stdio import askPassword
from machat.errors import ChatError


def main() -> None:
    """
    Ask for a password twice, or read it from standard input. Print C{name:hash}, or write it to a
    file.
    """
    description = "Create a user's line for the password file of --auth file:FILE."
    parser = ArgumentParser(prog="machat-passwd", description=description)
    parser.add_argument("--version", action="version", version=f"MaChat {__version__}")
    parser.add_argument("name", help="the user's name")
    parser.add_argument("--file", metavar="FILE", help="write the line to this file")
    parser.add_argument(
        "--stdin",
        action="store_true",
        help="read the password from the first line of standard input, not from the terminal",
    )
    options = parser.parse_args()
    try:
        name = names.checkName(options.name)
    except ChatError as error:
        sys.exit(f"machat-passwd: {options.name}: {error.text}")
    line = f"{name}:{PasswordHasher().hash(_password(options.stdin))}"
    if options.file is None:
        print(line)
        return
    try:
        put(Path(options.file), name, line)
    except (OSError, ValueError) as error:
        sys.exit(f"machat-passwd: {options.file}: {getattr(error, 'strerror', None) or error}")


def _password(stdin: bool) -> str:
    """
    @param stdin: whether to read standard input instead of the terminal
    """
    if stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif not sys.stdin.isatty():
        sys.exit("machat-passwd: standard input is not a terminal: use --stdin")
    else:
        try:
            password = askPassword("Password: ")
            again = askPassword("Repeat the password: ")
        except OSError as error:
            sys.exit(f"machat-passwd: {error}: use --stdin")
        if again != password:
            sys.exit("machat-passwd: the passwords differ")
    if not password:
        sys.exit("machat-passwd: the password is empty")
    return password


def put(path: Path, name: str, line: str) -> None:
    """
    Add a user's line to a file, or replace the user's existing line. The file is replaced
    atomically, by renaming: a server that reads it at the same time sees the old or the new
    content.

    @param path: the path of the file, or of a symbolic link to it
    @raise ValueError: the file is not a password file
    @raise OSError: the file cannot be read or written
    """
    path = path.resolve()
    with locked(path.parent):
        try:
            text, state = path.read_text("utf-8-sig"), path.stat()
        except FileNotFoundError:
            text, state = "", None
        read(text)
        replace(path, _with(text, name, line), state)


def _with(text: str, name: str, line: str) -> str:
    lines = text.splitlines()
    own = [index for index, each in enumerate(lines) if _isOf(each, name)]
    if own:
        lines[own[0]] = line
    else:
        lines.append(line)
    return "".join(f"{each}\n" for each in lines)


def _isOf(line: str, name: str) -> bool:
    return not line.startswith("#") and names.key(line.partition(":")[0]) == names.key(name)
