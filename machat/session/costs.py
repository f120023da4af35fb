"""
The costs of commands that read many entries, in tokens of the rate limit.
"""

from __future__ import annotations

#: The cost of a search, in addition to that of the command.
SEARCH = 4

#: The number of entries for which a history costs one more token: more than the messages of the
#: largest answer. So only a history that reads many reactions costs more than a message.
ENTRIES = 512


def reading(scanned: int) -> int:
    """
    @param scanned: the number of entries that were read for a command
    @return: the cost in addition to that of the command
    """
    return scanned // ENTRIES
