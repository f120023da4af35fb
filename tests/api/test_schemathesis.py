"""
The description of the HTTP API, checked against a server by C{schemathesis}.
"""

from __future__ import annotations

from tests.api.servers import ApiTestCase
from tests.processes import BIN, PATIENCE, start

PROGRAM = BIN / "schemathesis"

#: The checks of each answer. The description cannot express all rules for requests, so a valid
#: one may be refused, and an invalid one accepted.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


class SchemathesisTests(ApiTestCase):
    if not PROGRAM.exists():
        skip = "schemathesis is not installed: nox -s api installs it"

    def test_answers(self) -> None:
        """
        To about 1,300 valid and invalid requests, no answer has the status 500, and all answers are
        as described.
        """
        self.serveApi("--api-rate", "off")
        process = self.stopAtEnd(
            start(
                *(PROGRAM, "run", f"{self.url}/api/openapi.json", "--generation-deterministic"),
                *("--header", f"X-API-Key: {self.key}", "--exclude-path", "/api/events"),
                *("--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS)),
                *("--max-examples", "10", "--no-color"),
                cwd=self.folder,
            )
        )
        out, err = process.communicate(timeout=4 * PATIENCE)
        self.assertEqual(process.returncode, 0, out + err)
