"""
Reduce an inventory to the objects that the documentation may refer to::

    python docs/inventories/cut.py python.inv < objects.inv

The sources are C{https://docs.python.org/3/objects.inv},
C{https://docs.twisted.org/en/stable/api/objects.inv} (C{pydoctor --make-intersphinx} generates the
same from the package) and C{https://zopeinterface.readthedocs.io/en/latest/objects.inv}.
"""

from __future__ import annotations

import re
import sys
import zlib
from pathlib import Path

#: Modules and their public contents. Members of classes, nine tenths of an inventory, are omitted.
_KEPT = re.compile(rb"(?!\S*\b_)\S+ py:(class|data|exception|function|interface|module) ")


def cut(inventory: bytes) -> bytes:
    """
    @param inventory: an inventory in version 2 of Sphinx's format: four header lines, then
        compressed lines
    @return: the inventory with the matching lines only
    """
    *head, packed = inventory.split(b"\n", 4)
    lines = zlib.decompress(packed).splitlines(keepends=True)
    kept = b"".join(line for line in lines if _KEPT.match(line))
    return b"\n".join([*head, zlib.compress(kept, 9)])


if __name__ == "__main__":
    Path(__file__).with_name(sys.argv[1]).write_bytes(cut(sys.stdin.buffer.read()))
