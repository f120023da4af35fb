"""
The command C{machat-apikey}: it adds, lists and revokes the keys of the HTTP API.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from machat import __version__, names
from machat.auth.apikeys import RIGHTS, ApiKey, makeKey, newSecret, readKeys
from machat.cli.replacing import locked, replace

#: The step that is necessary after a change.
_RELOAD = "A running server reads the file again on SIGHUP."


def _parser() -> ArgumentParser:
    description = f"Add, list or revoke keys of the HTTP API. {_RELOAD}"
    parser = ArgumentParser(prog="machat-apikey", description=description)
    parser.add_argument("--version", action="version", version=f"MaChat {__version__}")
    parser.add_argument("--file", metavar="FILE", required=True, help="the key file (--api-keys)")
    doing = parser.add_mutually_exclusive_group(required=True)
    doing.add_argument("--label", help="add a key with this name, and print it")
    doing.add_argument("--list", action="store_true", help="list the keys, without their secrets")
    doing.add_argument("--revoke", metavar="LABEL", help="remove the key with this name")
    parser.add_argument(
        "--rights", help=f"the rights of the new key, separated by commas: {', '.join(RIGHTS)}"
    )
    parser.add_argument(
        "--rooms",
        metavar="PATTERN",
        default="*",
        help="the rooms to which the rights apply, as in ops*,dev [default: all]",
    )
    return parser


def main() -> None:
    """
    Run the command.
    """
    parser = _parser()
    options = parser.parse_args()
    if options.label is not None and options.rights is None:
        parser.error("--label requires --rights")
    path = Path(options.file)
    try:
        if options.list:
            _list(path)
        elif options.revoke is not None:
            _edit(path, lambda text: _without(text, options.revoke))
            print(f"machat-apikey: revoked {options.revoke}. {_RELOAD}", file=sys.stderr)
        else:
            _add(path, options.label, options.rights, options.rooms)
    except (OSError, ValueError) as error:
        sys.exit(f"machat-apikey: {options.file}: {getattr(error, 'strerror', None) or error}")


def _list(path: Path) -> None:
    for key in readKeys(path.read_text("utf-8-sig")):
        print(key.label, ",".join(key.rights), ",".join(key.rooms))


def _add(path: Path, label: str, rights: str, rooms: str) -> None:
    secret = newSecret()
    key = makeKey(label, rights, rooms, sha256(secret.encode()).digest())
    _edit(path, lambda text: _with(text, key), create=True)
    print(secret)
    print(f"machat-apikey: this key is not shown again. {_RELOAD}", file=sys.stderr)


def _edit(path: Path, change: Callable[[str], str], create: bool = False) -> None:
    """
    Change a key file atomically.

    @raise ValueError: the file is not a key file, or the change cannot be made
    @raise OSError: the file cannot be read or written
    """
    path = path.resolve()
    with locked(path.parent):
        state: os.stat_result | None = None
        text = ""
        if path.exists() or not create:
            text, state = path.read_text("utf-8-sig"), path.stat()
        readKeys(text)
        changed = change(text)
        readKeys(changed)
        replace(path, changed, state)


def _with(text: str, key: ApiKey) -> str:
    if any(_isOf(line, key.label) for line in text.splitlines()):
        raise ValueError(f"there is a key {key.label}: revoke it first, or use another label")
    return "".join(f"{line}\n" for line in [*text.splitlines(), key.line])


def _without(text: str, label: str) -> str:
    kept = [line for line in text.splitlines() if not _isOf(line, label)]
    if len(kept) == len(text.splitlines()):
        raise ValueError(f"there is no key {label}")
    return "".join(f"{line}\n" for line in kept)


def _isOf(line: str, label: str) -> bool:
    first = line.split()[:1]
    return not line.startswith("#") and [names.key(each) for each in first] == [names.key(label)]


if __name__ == "__main__":
    main()
