"""
The command C{machat doctor}: it finds out why a client cannot connect, or is disconnected.

C{report} has the findings and the exit statuses, C{address} the address to check. C{probes} checks
DNS, TCP and TLS with blocking sockets, C{visit} and C{checks} the chat itself. C{remedies} has the
texts for what the server and the proxies answer.
"""
