"""
The program of a worker: C{python -m machat.workers}, which only C{twistd machat --workers}
starts.
"""

from __future__ import annotations

import json
import signal
import sys
from importlib import import_module

from twisted.scripts.twistd import run

from machat.workers.worker import Worker


def main() -> None:
    """
    Serve until the parent or a signal stops this process. The arguments are those of
    L{machat.workers.worker.command}.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the parent too
    number, reactor, sockets, *machat = sys.argv[1:]
    import_module(reactor).install()
    Worker.current = Worker(int(number), json.loads(sockets))
    sys.argv[1:] = ["-n", "--pidfile=", "-l", "-", "machat", *machat]
    run()


if __name__ == "__main__":
    main()
