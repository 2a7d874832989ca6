"""The OpenAPI document: what FastAPI writes, with the answers that every address can give, as problem details."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from newsletter.web.api.bouncing import BODIES
from newsletter.web.api.problems import MEDIA_TYPE, Problem

DESCRIPTION = """Papers, editions and topics for everybody; signing up; and, where they are set up, the operator's part
and webhooks. What went wrong is told as problem details (RFC 9457). Lists come a page at a time: hand `next` on as
`cursor` until it is null."""

_SCHEMAS = "#/components/schemas/"
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
_COMMON = {"500": "A fault of ours.", "503": "The database cannot be used just now: see Retry-After."}
_BY_TAG = {
    "reading": {"422": "A parameter is wrong.", "429": "Too many requests from one network: see Retry-After."},
    "signing up": {"422": "Something in the body is wrong.", "429": "Too many sign-ups: see Retry-After."},
    "operator": {
        "401": "The token is missing or wrong.",
        "422": "A parameter, or something in the body, is wrong.",
        "429": "Too many wrong tokens from one network: see Retry-After.",
    },
}
_OF_CHANGES = {"403": "A browser sent it from somebody else's page.", "413": "The body is too large."}


def describe(app: FastAPI) -> None:
    """Let `app` answer with the document as we want it."""
    write = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(write())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to have another document


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(one, "validation") for one in (Problem, *BODIES)]
    _, more = models_json_schema(models, ref_template=_SCHEMAS + "{model}")
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(more["$defs"])
    for operations in document["paths"].values():
        for method, operation in operations.items():
            _complete(method, operation)
    return document


def _complete(method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    told = {**_COMMON, **_BY_TAG.get(operation["tags"][0], {}), **(_OF_CHANGES if method != "get" else {})}
    for status, what in told.items():
        answers[status] = answers.get(status, {}) | {"description": what}
    if not operation.get("parameters") and "requestBody" not in operation:
        answers.pop("422", None)
    for status, answer in answers.items():
        if status >= "400":
            answer["content"] = _PROBLEM
