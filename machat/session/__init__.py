"""
One client from its hello to its end, in each dialect.
"""
