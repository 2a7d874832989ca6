"""What went wrong, as JSON: problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from newsletter.text import clean

BELOW = "/api/"
MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 20

_SENTENCES = {
    403: "A browser sent this from a page that is not ours.",
    404: "There is nothing at this address.",
    405: "This address does not take that method: the header Allow says which ones it takes.",
    413: "The body is too large.",
    500: "Something failed here; the operator's log says what.",
    503: "The database cannot be read or written just now: try again in a minute.",
}


class Fault(BaseModel):
    """One thing that is wrong."""

    where: str = Field(description="The parameter or field.", examples=["hour"])
    why: str = Field(description="A sentence.", examples=["the hour must be 0 to 23"])


class Problem(BaseModel):
    """What went wrong (RFC 9457), with one sentence in `detail`."""

    type: str = Field("about:blank", description="Always this: status and sentence tell it all.")
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="One sentence.", examples=["There is nothing at this address."])
    faults: list[Fault] = Field([], description="For 422: each parameter or field that is wrong.")


class FaultyError(HTTPException):
    """422: the request is understood, and something in it cannot be."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        where, why = next(iter(faults.items()))
        super().__init__(422, f"{where}: {why.rstrip('.')}.")
        self.faults = [Fault(where=where, why=why) for where, why in faults.items()]


def is_for_programs(path: str) -> bool:
    """Whether answers below that path are for programs."""
    return path.startswith(BELOW)


def problem(
    status: int, detail: str = "", headers: Mapping[str, str] | None = None, faults: Sequence[Fault] = ()
) -> Response:
    """The answer, which nobody keeps. Without a `detail` it is the sentence that belongs to the status."""
    title = HTTPStatus(status).phrase
    sentence = clean(detail) or _SENTENCES.get(status, f"{title}.")
    told = Problem(type="about:blank", title=title, status=status, detail=sentence, faults=list(faults))
    given = {"Cache-Control": "no-store", **(headers or {})}
    return JSONResponse(told.model_dump(), status, given, media_type=MEDIA_TYPE)


def of_error(error: HTTPException, headers: Mapping[str, str]) -> Response:
    """The answer to a request that ended with `error`."""
    if isinstance(error.__cause__, ClientDisconnect):  # the Guard's word for a body that grew too large
        return problem(413, headers=headers)
    if error.status_code == 400:  # FastAPI's word for JSON that is not UTF-8, or nested without end
        return of_error(FaultyError({"body": "this is no JSON"}), headers)
    own = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    return problem(error.status_code, own, headers, error.faults if isinstance(error, FaultyError) else ())


def of_faults(error: RequestValidationError) -> Response:
    """The answer to a request whose parameters or body are not as they are described."""
    faults = [_fault(one) for one in error.errors()[:MOST_FAULTS]]
    return problem(422, f"{faults[0].where}: {faults[0].why}." if faults else "", faults=faults)


def _fault(one: Mapping[str, Any]) -> Fault:
    # ("query", "limit"), ("body", "own", 0, "name"): the first part says where the second one is.
    place = [str(part) for part in one["loc"]]
    where = "body" if one["type"] == "json_invalid" else ".".join(place[1:] or place)
    words = str(one["msg"]).removeprefix("Value error, ")
    if one["type"] == "json_invalid":
        words = "this is no JSON"
    return Fault(where=clean(where)[:100], why=clean(words)[:300].rstrip("."))
