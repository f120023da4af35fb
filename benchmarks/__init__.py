"""
Benchmarks of MaChat and other servers. C{python -m benchmarks --list} lists the shapes and the
peers. C{python -m benchmarks --quick} takes less than a minute. The benchmarks need epoll and
F{/proc}, so they run on Linux only.

C{runner} starts one server (a class of L{benchmarks.peers}), and then C{load} in its own process.
C{load} opens the connections of one L{Shape<benchmarks.shapes.Shape>}, and sends and receives
messages on them. C{report} and C{plot} present the results.
"""
