"""
The numbers, sizes and times that options accept.
"""

from __future__ import annotations

import re

#: The maximum number of worker processes.
MOST_WORKERS = 256

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SPANS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def count(text: str) -> int:
    """
    @param text: a whole number of at least 1
    @raise ValueError: the text is anything else
    """
    return _quantity(text, {"": 1})


def workers(text: str) -> int:
    """
    @param text: a whole number from 1 to L{MOST_WORKERS}
    @raise ValueError: the text is anything else
    """
    number = count(text)
    if number > MOST_WORKERS:
        raise ValueError(f"must be at most {MOST_WORKERS}")
    return number


def size(text: str) -> int:
    """
    @param text: a whole number of at least 1, in bytes or with the unit C{KiB}, C{MiB} or C{GiB}
    @return: the size in bytes
    @raise ValueError: the text is anything else
    """
    return _quantity(text, _UNITS)


def _quantity(text: str, units: dict[str, int]) -> int:
    match = re.fullmatch(r"([0-9]{1,15})([A-Za-z]*)", text, re.ASCII)
    if match is None or match[2] not in units or not int(match[1]):
        raise ValueError(f"must be a whole number of at least 1{_among(units)}")
    return int(match[1]) * units[match[2]]


def seconds(text: str) -> float:
    """
    @param text: a positive number, in seconds or with the unit C{s}, C{m}, C{h} or C{d}
    @return: the time in seconds
    @raise ValueError: the text is anything else
    """
    match = re.fullmatch(r"([0-9]{0,9}\.?[0-9]{0,6})([a-z]?)", text, re.ASCII)
    if match is None or match[2] not in _SPANS or match[1] in ("", ".") or not float(match[1]):
        raise ValueError(f"must be a positive number of seconds{_among(_SPANS)}")
    return float(match[1]) * _SPANS[match[2]]


def whole(text: str) -> int:
    """
    @param text: as for L{seconds}, but a whole number of seconds
    @raise ValueError: the text is anything else
    """
    value = seconds(text)
    if value != int(value):
        raise ValueError("must be a whole number of seconds")
    return int(value)


def perSecond(text: str) -> float:
    """
    @param text: a positive number
    @raise ValueError: the text is anything else
    """
    if re.fullmatch(r"[0-9]{0,9}\.?[0-9]{0,3}", text, re.ASCII) is None or not text.strip("0."):
        raise ValueError("must be a positive number")
    return float(text)


def _among(units: dict[str, int]) -> str:
    named = ", ".join(unit for unit in units if unit)
    return f", optionally with a unit: {named}" if named else ""
