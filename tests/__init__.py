"""
The tests of MaChat.
"""

from hypothesis import settings

# A busy machine may take longer than Hypothesis' 200 ms for an example.
settings.register_profile("machat", deadline=None)
settings.load_profile("machat")
