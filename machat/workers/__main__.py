"""
The program of a worker: C{python -m machat.workers}, which only C{twistd machat --workers}
starts.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from itertools import chain

from twisted.scripts.twistd import run

from machat.workers.worker import FROM_PARENT, TO_PARENT, Worker


def main() -> None:
    """
    Serve until the parent or a signal stops this process. The arguments are those of
    L{machat.workers.worker.command}.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the parent too
    number, reactor, text, *machat = sys.argv[1:]
    sockets: dict[str, list[int]] = json.loads(text)
    for descriptor in (FROM_PARENT, TO_PARENT, *chain(*sockets.values())):
        os.set_inheritable(descriptor, False)  # a program that this process starts gets none
    import_module(reactor).install()
    Worker.current = Worker(int(number), sockets)
    sys.argv[1:] = ["-n", "--pidfile=", "-l", "-", "machat", *machat]
    run()


if __name__ == "__main__":
    main()
