"""
Tests for L{machat.api}.
"""
