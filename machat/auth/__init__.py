"""
The identity of clients, in the terms of L{twisted.cred}.
"""
