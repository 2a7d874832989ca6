"""A message in the forms that DKIM signs (RFC 6376 section 3.4). Pure.

*simple* takes everything as it is; *relaxed* survives a relay that folds header lines anew or touches white space.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

CRLF = b"\r\n"

Field = tuple[str, bytes]
"""A header field: its name in lower case, and all its octets without the final CRLF."""


def split(content: bytes) -> tuple[list[Field], bytes]:
    """The header fields of `content`, from the top, and its body. Raises ValueError for a line that is no field."""
    if content.startswith(CRLF):
        return [], content[2:]
    head, _, body = content.partition(CRLF + CRLF)
    fields: list[Field] = []
    for line in re.split(rb"\r\n(?![ \t])", head.removesuffix(CRLF)):
        name, colon, _ = line.partition(b":")
        name = name.rstrip(b" \t")
        if not colon or not re.fullmatch(rb"[!-9;-~]+", name):
            raise ValueError(f"the header has a line that is no field: {line[:40]!r}")
        fields.append((name.decode("ascii").lower(), line))
    return fields, body


def simple_header(field: bytes) -> bytes:
    """Section 3.4.1: as it is."""
    return field


def relaxed_header(field: bytes) -> bytes:
    """Section 3.4.2: name in lower case, unfolded, runs of white space one space, none round the value."""
    name, _, value = field.partition(b":")
    value = _narrowed(value.replace(CRLF, b"")).strip(b" ")
    return name.rstrip(b" \t").lower() + b":" + value


def simple_body(body: bytes) -> bytes:
    """Section 3.4.3: exactly one CRLF at the end, also of an empty body."""
    return _without_empty_lines(body) + CRLF


def relaxed_body(body: bytes) -> bytes:
    """Section 3.4.4: no white space at the end of lines, elsewhere one space for many, no empty lines at the end."""
    kept = _without_empty_lines(_narrowed(body).replace(b" \r\n", CRLF).removesuffix(b" "))
    return kept + CRLF if kept else b""


def _narrowed(octets: bytes) -> bytes:
    """Every run of white space as one space. A run halves with each round, and a round is faster than a pattern."""
    octets = octets.replace(b"\t", b" ")
    while b"  " in octets:
        octets = octets.replace(b"  ", b" ")
    return octets


def _without_empty_lines(body: bytes) -> bytes:
    end = len(body)
    while body.endswith(CRLF, 0, end):
        end -= len(CRLF)
    return body[:end]


HEADER_FORMS: Mapping[str, Callable[[bytes], bytes]] = {"simple": simple_header, "relaxed": relaxed_header}
BODY_FORMS: Mapping[str, Callable[[bytes], bytes]] = {"simple": simple_body, "relaxed": relaxed_body}
