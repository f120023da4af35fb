"""
The options C{--webhook} and C{--webhook-secret-file}.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from machat.auth.modes import warnIfExposed
from machat.interfaces import IDeliveries, IStore
from machat.service import ChatService
from machat.webhooks import Receiver, Webhooks, secretsOf
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
    if len(stores) > 1:
        raise ValueError(
            "--webhook: with --separate, events would not show to which chat they belong"
        )
    if any(IDeliveries(store, None) is None for store in stores):
        raise ValueError("--webhook: this --store does not record which messages were delivered")
    return _secretsIn(path)


def _secretsIn(path: str) -> Sequence[bytes]:
    try:
        secrets = secretsOf(Path(path).read_text("utf-8"))
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise ValueError(f"--webhook-secret-file {path}: {error.strerror}") from None
    except UnicodeDecodeError:  # its text contains a byte of the file
        raise ValueError(f"--webhook-secret-file {path}: not base64, but binary") from None
    except ValueError as error:
        raise ValueError(f"--webhook-secret-file {path}: {error}") from None
    warnIfExposed(Logger(), Path(path), mode, "read the secret")
    return secrets


class WebhookOfChats:
    """
    The webhook of the chats of this process.
    """

    _log = Logger()

    def __init__(self, reactor: Any, chats: Sequence[ChatService], options: Any) -> None:
        """
        @param options: the parsed command line, with a webhook
        """
        self._path: str = options["webhook-secret-file"]
        self._receivers = []
        for chat in chats:
            receiver = Receiver(reactor, options["webhook"], options["secrets"], chat.clock.now)
            Webhooks(chat, receiver)
            self._receivers.append(receiver)

    def reload(self) -> None:
        """
        Read the secrets again. If they are not valid, log an error and keep the previous ones.
        """
        try:
            secrets = _secretsIn(self._path)
        except ValueError as error:
            self._log.error("{why}: not reloaded, the previous secrets stay in use", why=error)
            return
        for receiver in self._receivers:
            receiver.secrets = secrets
        self._log.info("--webhook-secret-file {path}: reloaded", path=self._path)
