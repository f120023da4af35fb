"""
The command C{machat} in a pipe, for tests.
"""

from __future__ import annotations

import os
import subprocess

from tests.processes import BIN, PATIENCE, ServerTestCase


class PipeTestCase(ServerTestCase):
    def machat(
        self, address: str, data: bytes, *more: str, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """
        @return: the command, after it has read this input
        """
        command = [str(BIN / "machat"), "--client", "Mina", "--address", address, *more]
        return subprocess.run(
            command,
            input=data,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "LC_ALL": "C", **environment},
        )
