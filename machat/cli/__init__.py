"""
The commands C{machat}, a chat in a terminal or in a pipe, C{machat-passwd}, which maintains a
password file, and C{machat-store}, which checks and copies the file of a store.
"""
