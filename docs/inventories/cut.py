"""
Cut an inventory down to what the documents may refer to::

    python docs/inventories/cut.py python.inv < objects.inv

The sources are C{https://docs.python.org/3/objects.inv},
C{https://docs.twisted.org/en/stable/api/objects.inv} (C{pydoctor --make-intersphinx} makes the same
of the package) and C{https://zopeinterface.readthedocs.io/en/latest/objects.inv}.
"""

from __future__ import annotations

import re
import sys
import zlib
from pathlib import Path

#: A module, or what one finds in it by name. No members of classes: they are nine of ten.
_KEPT = re.compile(rb"(?!\S*\b_)\S+ py:(class|data|exception|function|interface|module) ")


def cut(inventory: bytes) -> bytes:
    """
    @param inventory: an inventory of Sphinx's second version: four lines, then compressed ones
    @return: the same with less in it
    """
    *head, packed = inventory.split(b"\n", 4)
    lines = zlib.decompress(packed).splitlines(keepends=True)
    kept = b"".join(line for line in lines if _KEPT.match(line))
    return b"\n".join([*head, zlib.compress(kept, 9)])


if __name__ == "__main__":
    Path(__file__).with_name(sys.argv[1]).write_bytes(cut(sys.stdin.buffer.read()))
