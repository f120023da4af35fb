"""
Tests for L{machat.testing}.
"""
