"""
The connections of a chat: how many there may be, and how much they may send together.
"""
