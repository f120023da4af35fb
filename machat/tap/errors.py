"""
The errors of the command line and of the start, on standard error.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from twisted.python import usage


class Refused(usage.UsageError):
    """
    The command line is invalid, and the reason has been written to standard error.
    """


class CannotServe(Exception):
    """
    MaChat cannot listen on an endpoint.
    """


def complain(message: str) -> None:
    """
    Write a line to the original standard error, because C{twistd} redirects C{sys.stderr} to its
    log.
    """
    print(f"machat: {message}", file=sys.__stderr__, flush=True)


def refuse(message: str) -> NoReturn:
    """
    @raise Refused: always. The message is written to standard error
    """
    complain(message)
    raise Refused(message)


def refuseToServe(message: str, daemonized: bool) -> NoReturn:
    """
    End the process with status 1 while the services start, and report the reason.

    @param daemonized: whether C{twistd} runs in the background
    """
    if daemonized:  # the parent process waits for an exception
        raise CannotServe(message) from None
    complain(message)
    raise SystemExit(1) from None


def fileReasonOf(error: BaseException) -> str:
    """
    @return: the reason of an exception, with the path of the file that it is about, if there is one
    """
    path = getattr(error, "filename", None)
    return reasonOf(error) if path is None else f"{path}: {reasonOf(error)}"


def reasonOf(error: BaseException | None) -> str:
    """
    @return: the reason of an exception, in one line
    """
    cause = getattr(error, "socketError", error)
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return " ".join(str(text).split())
