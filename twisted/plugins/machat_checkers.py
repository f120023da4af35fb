"""
C{--auth jwt:...}, for C{twistd machat}.
"""

from machat.tap.checkers import TokenCheckerFactory

tokens = TokenCheckerFactory()
