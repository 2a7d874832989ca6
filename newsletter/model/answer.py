"""What a source on the network answered, word for word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request.

    `request` names what was asked: the address, secrets in it hashed, and for a request with a body its hash behind a
    `#`. `body` is what came, decompressed. `headers` have lower-case names; kept are only those that matter later
    (content-type, etag, last-modified). `rejected` tells that its source could not read it. `fetched_at` is aware UTC:
    when the answer came, or, for one that was still good (HTTP 304, or asked for once a day), when it was last found to
    be so. `fresh` tells that it came over the network just now.
    """

    request: str
    status: int
    body: bytes
    fetched_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = True
    rejected: bool = False
