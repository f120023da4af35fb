"""
The tests of MaChat.
"""

from hypothesis import HealthCheck, settings

# A busy machine may take longer than Hypothesis expects, for one example and to make examples.
settings.register_profile("machat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machat")
