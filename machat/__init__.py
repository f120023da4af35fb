"""
MaChat: a chat room for Twisted, with one C{twistd} command or inside your own application.
"""

__version__ = "0.1.0"
