"""
One room, and the rooms of a chat by name. A room knows no transport, no frame and no JSON.
"""
