"""
Tests for L{machat.api.openapi}.
"""

from __future__ import annotations

import json
import re

from twisted.trial.unittest import SynchronousTestCase

from machat.api.endpoints import ENDPOINTS
from machat.api.openapi import document
from machat.api.statuses import STATUSES
from tests.api.clients import MemoryApi


class DescriptionTests(SynchronousTestCase):
    """
    Tests for the description of the API.
    """

    def test_served(self) -> None:
        """
        The description is served without a key, and has all endpoints.
        """
        client = MemoryApi().client()
        client.send("GET", "/api/openapi.json")
        found = client.response().json
        self.assertEqual(found, document())
        self.assertEqual(found["openapi"], "3.1.0")
        paths = {f"/api/{name}" for name in (*ENDPOINTS, "events")}
        self.assertEqual(set(found["paths"]), paths)

    def test_references(self) -> None:
        """
        Every reference has a target, and no markup of docstrings is left over.
        """
        text = json.dumps(document())
        for name in re.findall(r'"#/components/schemas/(\w+)"', text):
            self.assertIn(name, document()["components"]["schemas"])
        for markup in ("@ivar", "L{", "C{", "\\\\Z"):
            self.assertNotIn(markup, text)

    def test_statuses(self) -> None:
        """
        Every status that a refusal may have is described.
        """
        described = document()["paths"]["/api/publish"]["post"]["responses"]
        self.assertLessEqual({str(status) for status in STATUSES.values()}, set(described))

    def test_validated(self) -> None:
        """
        The schema of a request lists its fields as they are on the wire.
        """
        schema = document()["components"]["schemas"]["Publish"]
        fields = {"room", "text", "from", "id", "data", "reply"}
        self.assertEqual(set(schema["properties"]), fields)
        self.assertEqual(schema["required"], ["room", "text"])
