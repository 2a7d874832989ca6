"""A message in the forms that DKIM signs (RFC 6376 section 3.4). Pure.

*simple* takes everything as it is; *relaxed* survives a relay that folds header lines anew or touches white space.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

CRLF = b"\r\n"

Field = tuple[str, bytes]
"""A header field: its name in lower case, and all its octets without the final CRLF."""

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_RUN = re.compile(rb"  +")
_NAME = re.compile(rb"[!-9;-~]+")  # RFC 5322 section 3.6.8


def split(content: bytes) -> tuple[list[Field], bytes]:
    """The header fields of `content`, from the top, and its body. Raises ValueError for a line that is no field."""
    fields, start = header_fields(content)
    return fields, content[start:]


def header_fields(content: bytes) -> tuple[list[Field], int]:
    """As `split`, with the place where the body begins in place of a copy of it."""
    if content.startswith(CRLF):
        return [], len(CRLF)
    end = content.find(CRLF + CRLF)
    head = content[:end] if end >= 0 else content.removesuffix(CRLF)
    folded = b"\r\n " in head or b"\r\n\t" in head
    lines = _FIELD_END.split(head) if folded else head.split(CRLF)
    return [(_field_name(*line.partition(b":")[:2]), line) for line in lines], end + 4 if end >= 0 else len(content)


@lru_cache(256)
def _field_name(raw: bytes, colon: bytes) -> str:
    name = raw.rstrip(b" \t")
    if not colon or not _NAME.fullmatch(name):
        raise ValueError(f"the header has a line that is no field: {(raw + colon)[:40]!r}")
    return name.decode("ascii").lower()


def simple_header(field: bytes) -> bytes:
    """Section 3.4.1: as it is."""
    return field


@lru_cache(256)  # most fields are the same in message after message
def relaxed_header(field: bytes) -> bytes:
    """Section 3.4.2: name in lower case, unfolded, runs of white space one space, none round the value."""
    name, _, value = field.partition(b":")
    value = _narrowed(value.replace(CRLF, b"")).strip(b" ")
    return name.rstrip(b" \t").lower() + b":" + value


def simple_body(content: bytes, start: int = 0) -> memoryview:
    """Section 3.4.3, of the body that begins at `start`: exactly one CRLF at the end, also of an empty body."""
    end = len(content)
    while content.endswith(CRLF, start, end):
        end -= len(CRLF)
    if end == len(content):
        return memoryview(content[start:] + CRLF)
    return memoryview(content)[start : end + len(CRLF)]  # where it stands: a copy costs a tenth of the hash


def relaxed_body(content: bytes, start: int = 0) -> memoryview:
    """Section 3.4.4: no white space at the end of lines, elsewhere one space for many, no empty lines at the end."""
    body = simple_body(_narrowed(content[start:]).replace(b" \r\n", CRLF).removesuffix(b" "))
    return body if body != CRLF else body[:0]


def _narrowed(octets: bytes) -> bytes:
    """Every run of white space as one space."""
    octets = octets.replace(b"\t", b" ")
    return _RUN.sub(b" ", octets) if b"  " in octets else octets  # a pattern that fits single spaces too takes longer


HEADER_FORMS: Mapping[str, Callable[[bytes], bytes]] = {"simple": simple_header, "relaxed": relaxed_header}
BODY_FORMS: Mapping[str, Callable[[bytes, int], memoryview]] = {"simple": simple_body, "relaxed": relaxed_body}
