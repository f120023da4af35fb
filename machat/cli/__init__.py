"""
The commands C{machat} and C{machat-passwd}.
"""
