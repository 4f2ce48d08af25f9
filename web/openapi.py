"""The OpenAPI document of the HTTP interface: written from the same limits and columns that the interface holds to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.contract import Kind
from data.responses import LONGEST, MOST_BYTES, MOST_ROWS, RESPONSES
from web.callback import Pin
from web.settings import Settings
from web.tokens import SCOPE

ABOUT = f"""Brings customers' answers to campaigns back to Rapport.

**Once.** `response_id` is your own key of an answer. Sent again with the same content, a row is *known*, and nothing
changes; so a request that broke off is simply sent again. With another content it is refused.

**Whole.** A request is kept whole or not at all: as long as one row is refused, no row of it is kept. 200 means that
every row is on record.

**Kept, but not counted.** `flags` says of how many rows: *not in the campaign*, *before the launch*, *after the
window*, *again* (a further answer of one customer). *held out* is an answer of a customer who was held out as control
group; it counts there.

**Limits.** {MOST_ROWS:,} rows and {MOST_BYTES >> 20} MiB a request; 120 requests a minute and client.
"""
ERRORS = {
    "400": "The body is not what its content type says.",
    "401": "There is no right access token. `WWW-Authenticate` says so, too.",
    "403": f"The token lacks the scope `{SCOPE}`, or its client is not named in Rapport's settings.",
    "408": "The body did not arrive in time. Send it again.",
    "413": "There are too many rows or bytes. Send them in parts.",
    "415": "The content type or encoding is not taken.",
    "429": "There were too many requests. Wait as `Retry-After` says.",
    "503": "It cannot be put on record now, or the identity provider does not answer. Send it again later.",
}


def document(settings: Settings, pins: Mapping[str, Pin]) -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    used = sorted({client.partition("/")[0] for client in settings.api_clients})
    flows = {name: pins[name].token for name in used if name in pins and pins[name].token}
    security: list[dict[str, list[str]]] = [{name: [SCOPE]} for name in flows] or [{"bearer": []}]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rapport: responses", "version": "1", "description": ABOUT},
        "servers": [{"url": settings.origin}],
        "security": security,
        "paths": {
            "/api/responses": {"post": operation()},
            "/api/openapi.json": {
                "get": {
                    "operationId": "getDescription",
                    "summary": "This document",
                    "security": [],
                    "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {}}}},
                }
            },
        },
        "components": {
            "securitySchemes": {name: scheme(token) for name, token in flows.items()} or {"bearer": bearer()},
            "schemas": {"Response": row(), "Received": received(), "Problem": problem(), "RefusedRows": refused()},
        },
    }


def operation() -> dict[str, Any]:
    """What can be posted, and every answer to it."""
    one = {"$ref": "#/components/schemas/Response"}
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_ROWS}
    whole = {
        "type": "object",
        "required": ["responses"],
        "additionalProperties": False,
        "properties": {"responses": many},
    }
    answers: dict[str, Any] = {
        "200": said("Every row is on record.", "Received"),
        "422": said("Rows are refused, so none of this request was kept.", "RefusedRows"),
    }
    for status, text in ERRORS.items():
        answers[status] = said(text, "Problem")
    for status, name in (
        ("401", "WWW-Authenticate"),
        ("403", "WWW-Authenticate"),
        ("429", "Retry-After"),
        ("503", "Retry-After"),
    ):
        answers[status]["headers"] = {name: {"schema": {"type": "string"}}}
    return {
        "operationId": "sendResponses",
        "summary": "Send answers of customers",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": whole},
                "application/x-ndjson": {"schema": one | {"description": "One object a line."}},
            },
        },
        "responses": dict(sorted(answers.items())),
    }


def said(text: str, schema: str) -> dict[str, Any]:
    """One answer."""
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def row() -> dict[str, Any]:
    """One answer of a customer, from the contract."""
    fields: dict[str, Any] = {}
    for column in RESPONSES.columns:
        fields[column.name] = {"type": "string", "description": column.meaning}
        if column.kind is Kind.MOMENT:
            fields[column.name]["format"] = "date-time"
        else:
            fields[column.name] |= {"minLength": 1, "maxLength": LONGEST}
    required = [column.name for column in RESPONSES.columns if column.required]
    return {"type": "object", "required": required, "additionalProperties": False, "properties": fields}


def received() -> dict[str, Any]:
    """What became of the rows."""
    number = {"type": "integer", "minimum": 0}
    fields = {
        "kept": number | {"description": "rows that are new"},
        "known": number | {"description": "rows that were there already"},
        "flags": {
            "type": "object",
            "additionalProperties": number,
            "description": "new rows, by why they do not count",
        },
    }
    return {"type": "object", "required": list(fields), "properties": fields}


def problem() -> dict[str, Any]:
    """Why a request was not taken."""
    return {
        "type": "object",
        "required": ["error", "message"],
        "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
    }


def refused() -> dict[str, Any]:
    """Which rows are refused, and why; no value is repeated."""
    one = {
        "type": "object",
        "required": ["row", "reason"],
        "properties": {"row": {"type": "integer", "minimum": 1}, "reason": {"type": "string"}},
    }
    more = {"known": {"type": "integer", "minimum": 0}, "refused": {"type": "array", "items": one}}
    return {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"type": "object", "properties": more}]}


def scheme(token: str) -> dict[str, Any]:
    """OAuth 2 client credentials at one provider."""
    flow = {"tokenUrl": token, "scopes": {SCOPE: "send answers of customers"}}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def bearer() -> dict[str, str]:
    """What stands there while no client is named: nobody has a right token."""
    return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "No client is named yet."}
