"""
The commands C{machat}, a chat in a terminal or in a pipe, C{machat-passwd} and C{machat-apikey},
which maintain a password file and a file of API keys, and C{machat-store}, which checks and copies
the file of a store.
"""
