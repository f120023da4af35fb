"""
The messages, names and message ids of a chat, kept in the memory of one process.
"""
