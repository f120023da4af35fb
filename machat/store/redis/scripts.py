"""
The scripts that run inside the engine, in C{.lua} files beside this module. The engine runs each of
them atomically.
"""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent


class Script(NamedTuple):
    """
    A script.

    @ivar source: the text, as the engine loads it
    @ivar digest: its SHA-1 in hexadecimal digits, by which the engine calls it
    """

    source: bytes
    digest: bytes


def _script(flags: str, *names: str) -> Script:
    """
    @param flags: see U{https://redis.io/docs/latest/develop/programmability/lua-api/}, section
        Script flags. Without C{allow-oom}, an engine that is out of memory refuses the script
        before it has changed anything
    @param names: the files that form the script
    """
    parts = [(_FOLDER / f"{name}.lua").read_bytes() for name in names]
    first = f"#!lua flags={flags}\n" if flags else "#!lua\n"
    source = b"".join([first.encode(), *parts])
    return Script(source, sha1(source).hexdigest().encode())


APPEND = _script("", "common", "entries", "changes", "append")
CLAIM = _script("", "common", "names", "claim")
RELEASE = _script("allow-oom", "common", "names", "release")
SYNC = _script("allow-oom", "common", "entries", "sync")
READ = _script("no-writes", "entries", "read")
BEAT = _script("allow-oom", "beat")
LEAVE = _script("allow-oom", "leave")
QUOTA = _script("allow-oom", "quota")
DELIVER = _script("allow-oom", "deliver")

ALL = (APPEND, CLAIM, RELEASE, SYNC, READ, BEAT, LEAVE, QUOTA, DELIVER)
