"""
The command C{machat-passwd}: a user's line for a file of passwords.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from getpass import getpass
from pathlib import Path
from tempfile import mkstemp

from argon2 import PasswordHasher

from machat import __version__, names
from machat.auth.passwords import read
from machat.errors import ChatError

#: The mode of a new file, and of one that others than its owner and group may read.
PRIVATE = 0o600


def main() -> None:
    """
    Ask for a password twice, or read it from a pipe. Print C{name:hash}, or put it into a file.
    """
    parser = ArgumentParser(prog="machat-passwd", description="Make a line for --auth file:FILE.")
    parser.add_argument("--version", action="version", version=f"MaChat {__version__}")
    parser.add_argument("name", help="the user's name")
    parser.add_argument("--file", metavar="FILE", help="add the line here, or replace the user's")
    options = parser.parse_args()
    try:
        name = names.checkName(options.name)
    except ChatError as error:
        sys.exit(f"machat-passwd: {options.name}: {error.text}")
    line = f"{name}:{PasswordHasher().hash(_password())}"
    if options.file is None:
        print(line)
        return
    try:
        put(Path(options.file), name, line)
    except (OSError, ValueError) as error:
        sys.exit(f"machat-passwd: {options.file}: {getattr(error, 'strerror', None) or error}")


def _password() -> str:
    if sys.stdin.isatty():
        password = getpass("Password: ")
        if getpass("Once more: ") != password:
            sys.exit("machat-passwd: these are two passwords")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        sys.exit("machat-passwd: no password")
    return password


def put(path: Path, name: str, line: str) -> None:
    """
    Write a user's line into a file, in the place of the one that is there, and leave the others as
    they are. The file is replaced as a whole, by renaming: a server that reads it meanwhile sees
    the old one or the new one.

    @param path: may be a link; what it leads to is replaced
    @raise ValueError: the file is none of passwords
    @raise OSError: it cannot be read or written
    """
    path = path.resolve()
    with _locked(path.parent):
        try:
            text, state = path.read_text("utf-8-sig"), path.stat()
        except FileNotFoundError:
            text, state = "", None
        read(text)
        _replace(path, _with(text, name, line), state)


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


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """
    Let only one of these programs write in a folder at a time.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str, state: os.stat_result | None) -> None:
    """
    @param state: of the file that is there
    """
    descriptor, temporary = mkstemp(prefix=f".{path.name}.", dir=path.parent)  # its mode is 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if state is not None:
                _keepOwner(descriptor, state)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _keepOwner(descriptor: int, state: os.stat_result) -> None:
    mode = stat.S_IMODE(state.st_mode)
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (state.st_uid, state.st_gid):
        os.fchown(descriptor, state.st_uid, state.st_gid)
    os.fchmod(descriptor, PRIVATE if mode & (stat.S_IWGRP | stat.S_IRWXO) else mode)
