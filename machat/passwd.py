"""
The command C{machat-passwd}: a line for a file of passwords.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass

from argon2 import PasswordHasher

from machat import names
from machat.errors import ChatError


def main() -> None:
    """
    Ask for a password twice, or read it from a pipe, and print C{name:hash}.
    """
    parser = ArgumentParser(prog="machat-passwd", description="Make a line for --auth file:FILE.")
    parser.add_argument("name", help="the user's name")
    name = parser.parse_args().name
    try:
        name = names.checkName(name)
    except ChatError as error:
        sys.exit(f"machat-passwd: {name}: {error.text}")
    if sys.stdin.isatty():
        password = getpass("Password: ")
        if getpass("Once more: ") != password:
            sys.exit("machat-passwd: these are two passwords")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        sys.exit("machat-passwd: no password")
    print(f"{name}:{PasswordHasher().hash(password)}")
