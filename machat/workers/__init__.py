"""
Several processes that serve one chat on one machine: the workers of C{twistd machat --workers}.

A parent process opens the listening sockets, and starts and replaces the workers. It exchanges
messages with each of them through two pipes. C{worker} is the worker's end of the pipes, C{process}
the parent's end, and C{pool} all processes: replacement, reload, rolling restart and stop.
C{figures} and C{monitor} add up the figures of the workers.
"""
