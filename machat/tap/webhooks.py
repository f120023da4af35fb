"""
The options C{--webhook} and C{--webhook-secret-file}.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from machat.interfaces import IDeliveries, IStore
from machat.webhooks import secretsOf
from machat.webhooks.receiver import BadURL, checkURL


def webhookSecrets(url: str | None, path: str | None, stores: Sequence[IStore]) -> Sequence[bytes]:
    """
    Check the options.

    @return: the secrets; an empty sequence without C{--webhook}
    @raise ValueError: the message names the option
    """
    if url is None and path is None:
        return ()
    if url is None or path is None:
        raise ValueError("--webhook and --webhook-secret-file must be given together")
    try:
        checkURL(url)
    except BadURL as error:
        raise ValueError(f"--webhook: {error}") from None
    if any(IDeliveries(store, None) is None for store in stores):
        raise ValueError("--webhook: this --store does not record which messages were delivered")
    try:
        return secretsOf(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"--webhook-secret-file {path}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"--webhook-secret-file {path}: {error}") from None
