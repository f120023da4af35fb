"""
MaChat measured against other servers. C{python -m benchmarks --list} shows the shapes and the
peers, C{python -m benchmarks --quick} takes less than a minute. It needs Linux: epoll and F{/proc}.

C{runner} starts one server (a class of L{benchmarks.peers}), then C{load} in a process of its own,
which opens the connections of one L{Shape<benchmarks.shapes.Shape>} and drives them; C{report} and
C{plot} show what came out.
"""
