"""
The description of the HTTP API in OpenAPI 3.1, made from the declarations that validate requests.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

import msgspec
import msgspec.structs

from machat import __version__
from machat.api import answers
from machat.api.endpoints import ENDPOINTS, Endpoint

_REFERENCE = "#/components/schemas/{name}"

#: The refusals that every endpoint may answer with.
_REFUSALS = {
    "400": "The request is invalid: `bad-command`, `bad-name` or `bad-room`.",
    "401": "The key is missing, wrong or revoked: `bad-credentials`.",
    "403": "The key does not have the right, or the chat refuses the request: `not-allowed`, "
    "`muted`, `room-locked` or `too-many-reactions`.",
    "404": "Nobody with that name is in the room, or nobody is in it: `not-joined`; or the "
    "message that is answered or changed does not exist: `no-such-message`.",
    "413": "The text or the body is too long: `too-long`.",
    "429": "The key or the room receives too many requests: `busy` or `too-many-connections`.",
    "503": "The server or its store cannot carry out the request now: `failed` or `room-full`; or "
    "it is not known whether it did: `unknown`. Repeat the request with the same id.",
}

_FIELD = re.compile(r"@ivar (\w+): (.+?)(?=\n@ivar|\Z)", re.DOTALL)
_MARKUP = re.compile(r"[LC]\{(?:[\w.]*\.)?([^}]*)\}")


def document() -> dict[str, Any]:
    """
    @return: the description
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "MaChat",
            "version": __version__,
            "description": "The HTTP API of a chat: send messages, read them, and moderate.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"bearer": []}],
        "paths": {
            **{f"/api/{name}": {"post": _post(name, each)} for name, each in ENDPOINTS.items()},
            "/api/events": {"get": _stream()},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "token": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }


def _post(name: str, endpoint: Endpoint) -> dict[str, Any]:
    summary = _summary(endpoint.request)
    return {
        "operationId": name,
        "summary": summary.partition(". ")[0].rstrip("."),
        "description": f"{summary} Requires the right `{endpoint.right}`.",
        "requestBody": {
            "required": any(each.required for each in msgspec.structs.fields(endpoint.request)),
            "content": _json(endpoint.request),
        },
        "responses": {
            "200": {
                "description": _summary(endpoint.result),
                "content": _json(endpoint.result),
            },
            **_refusals(),
        },
    }


def _summary(type: type[Any]) -> str:
    return _text(_FIELD.sub("", inspect.getdoc(type) or ""))


def _refusals() -> dict[str, Any]:
    return {
        status: {"description": text, "content": _json(answers.Refused)}
        for status, text in _REFUSALS.items()
    }


def _stream() -> dict[str, Any]:
    return {
        "operationId": "events",
        "summary": "Receive the messages of a room as server-sent events",
        "description": "The stream does not end. Requires the right `read`, or a token.",
        "security": [{"key": []}, {"bearer": []}, {"token": []}],
        "parameters": [
            _parameter("room", "query", "The name of the room", True, {"type": "string"}),
            _parameter("Last-Event-ID", "header", "The id of the last event that was received"),
            _parameter("since", "query", "As Last-Event-ID, for clients that cannot set it"),
            _parameter(
                "history",
                "query",
                "The number of recent messages to send first",
                schema={"type": "integer", "minimum": 0, "maximum": 999_999_999},
            ),
        ],
        "responses": {
            "200": {
                "description": "The events `joined`, `message`, `moved` and `bye`",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **_refusals(),
        },
    }


def _parameter(
    name: str, where: str, text: str, required: bool = False, schema: Any = None
) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "description": text,
        "required": required,
        "schema": schema or {"type": "string"},
    }


def _json(type: type[Any]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=type.__name__)}}}


def _schemas() -> dict[str, Any]:
    types: list[Any] = [answers.Refused]
    for endpoint in ENDPOINTS.values():
        types += [endpoint.request, endpoint.result]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    for schema in schemas.values():
        _describeFields(schema)
    described: dict[str, Any] = _portable(schemas)
    return described


def _describeFields(schema: dict[str, Any]) -> None:
    """
    Move the description of each field from the docstring of its class to the field.
    """
    text = schema.pop("description", "")
    for name, meaning in _FIELD.findall(text):
        name = {"sender": "from", "moderator": "from", "seconds": "for"}.get(name, name)
        if name in schema.get("properties", {}):
            schema["properties"][name].setdefault("description", _text(meaning))
    text = _text(_FIELD.sub("", text))
    if text:
        schema["description"] = text


def _text(markup: str) -> str:
    """
    @return: the text of a docstring
    """
    return " ".join(_MARKUP.sub(r"`\1`", markup).replace("`None`", "null").split())


def _portable(value: Any) -> Any:
    """
    @return: the schema with patterns as in ECMA-262, which has no C{\\Z}
    """
    if isinstance(value, dict):
        return {
            key: each.replace("\\Z", "$") if key == "pattern" else _portable(each)
            for key, each in value.items()
        }
    return [_portable(each) for each in value] if isinstance(value, list) else value


@cache
def description() -> msgspec.Raw:
    """
    @return: the description in JSON
    """
    return msgspec.Raw(msgspec.json.encode(document()))
