"""
Which actions a user may take against which others, and the sanctions that are active.
"""
