"""
HTTP as far as the endpoints of a chat need it.
"""
