"""
The plugin for C{twistd machat --auth jwt:...}.
"""

from machat.tap.checkers import TokenCheckerFactory

tokens = TokenCheckerFactory()
