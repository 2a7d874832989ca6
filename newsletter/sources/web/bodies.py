"""Bodies: read as they come, decompressed by us, and never more of them than the limit."""

from __future__ import annotations

import zlib

import httpx

from newsletter.sources.web.faults import Fault

LIMIT = 20_000_000
"""Bytes of one answer, as sent and decompressed. 2,000 records of arXiv are 5 MB."""

_GZIP = 16 + zlib.MAX_WBITS
_PARTS = 1_000
"""A gzip body may consist of several members (RFC 1952, section 2.2), but an endless row of empty ones is an attack."""


async def read(response: httpx.Response) -> bytes:
    """The body of `response`, decompressed. Raises Fault for what is too large, damaged or compressed otherwise."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise Fault("answers in a compression that was not asked for; only gzip is read")
    unpacking = _Unpacking() if "gzip" in encoding else None
    body = bytearray()  # not a list: the pieces can be of one byte each
    came = 0
    async for piece in response.aiter_raw():
        came += len(piece)
        body += unpacking.take(piece, LIMIT + 1 - len(body)) if unpacking else piece
        if max(came, len(body)) > LIMIT:
            raise Fault(f"is larger than {LIMIT // 1_000_000} MB, which is the most that is read")
    if unpacking and came and not unpacking.whole:
        raise Fault("broke off its compressed answer; it may work later", passing=True)
    return bytes(body)


class _Unpacking:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._members = 1

    @property
    def whole(self) -> bool:
        """Whether what came ends with the end of a member."""
        return self._member.eof

    def take(self, piece: bytes, most: int) -> bytes:
        """What `piece` unpacks to, but no more than `most` bytes, which is at least 1."""
        body = b""
        while piece and len(body) < most:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
                self._members += 1
            try:
                body += self._member.decompress(piece, most - len(body))
            except zlib.error as error:
                raise Fault("sent a damaged gzip body; it may work later", passing=True) from error
            if self._members > _PARTS:
                raise Fault("sent a gzip body of too many parts")
            piece = self._member.unused_data
        return body
