"""
Build the npm package C{machat-client} from C{machat/page/client.js} and what it imports::

    python -m tools.npm DIRECTORY

C{DIRECTORY} then contains C{machat-client-VERSION.tgz}. C{npm} packs the files, and TypeScript
generates the C{.d.ts} files from the comments. C{npx} downloads TypeScript if necessary.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from machat import __version__

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "machat" / "page"

#: The files of the package that are not modules.
TEMPLATE = ROOT / "packages" / "machat-client"

TYPESCRIPT = ("npx", "--yes", "--package", "typescript@5", "tsc")

#: The options for the declarations.
_DECLARE = ("--declaration", "--emitDeclarationOnly", "--allowJs", "--checkJs", "--strict")
_TARGET = ("--target", "es2022", "--module", "nodenext", "--skipLibCheck")

_IMPORTED = re.compile(r'^(?:import|export) .*?from "\./([a-z]+\.js)";$', re.MULTILINE | re.DOTALL)


def modules(first: str = "client.js") -> list[str]:
    """
    @return: the names of a module and of all that it imports, directly or indirectly
    """
    found: list[str] = []
    waiting = [first]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting += _IMPORTED.findall((PAGE / name).read_text("utf-8"))
    return sorted(found)


def copy(folder: Path) -> None:
    """
    Copy the files of the package, without types, into an existing folder.
    """
    for name in modules():
        shutil.copy(PAGE / name, folder)
    shutil.copy(TEMPLATE / "README.md", folder)
    shutil.copy(ROOT / "LICENSE", folder)
    described = json.loads((TEMPLATE / "package.json").read_text("utf-8"))
    described["version"] = __version__
    (folder / "package.json").write_text(json.dumps(described, indent=2) + "\n", "utf-8")


def declare(folder: Path, typescript: Sequence[str] = TYPESCRIPT) -> None:
    """
    Generate the C{.d.ts} files in the folder of the package.

    @param typescript: the command that runs TypeScript's compiler
    @raise subprocess.CalledProcessError: it reports an error
    """
    command = [*typescript, *_DECLARE, *_TARGET, "client.js"]
    subprocess.run(command, cwd=folder, check=True)


def pack(folder: Path, destination: Path) -> Path:
    """
    @return: the packed file
    @raise subprocess.CalledProcessError: C{npm} reports an error
    """
    command = ["npm", "pack", "--silent", "--offline", "--pack-destination", str(destination)]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return destination / done.stdout.strip()


def build(destination: Path, typescript: Sequence[str] = TYPESCRIPT) -> Path:
    """
    Build the package.

    @param destination: an existing folder
    @return: the packed file
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        declare(folder, typescript)
        return pack(folder, destination.resolve())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.npm DIRECTORY")
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    print(build(Path(sys.argv[1])))
