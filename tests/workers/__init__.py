"""
Tests for L{machat.workers}.
"""
