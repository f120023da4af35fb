"""
The commands C{machat}, a chat in a terminal or in a pipe, and C{machat-passwd}, which maintains a
password file.
"""
