"""
The plugin for the endpoint C{reuseport:...}.
"""

from machat.transport.reuseport import ReusePortParser

reusePort = ReusePortParser()
