"""
Scripts that are run by hand: C{python -m tools.NAME}. See CONTRIBUTING.rst.
"""
