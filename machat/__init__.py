"""
MaChat: chat rooms for Twisted, as a C{twistd} command or inside your own application.
"""

__version__ = "0.1.0"
