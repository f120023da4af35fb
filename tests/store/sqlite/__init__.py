"""
Tests for the store in an SQLite database.
"""
