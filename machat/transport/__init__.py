"""
Between a session and a socket, for any transport.
"""
