"""How heavy HTML is on the wire, measured piece by piece so that a digest's weight is a sum."""

from __future__ import annotations

from dataclasses import dataclass

BUDGET = 95_000
"""What an HTML part may weigh, in bytes. Gmail clips a message at about 102 kB; whether it counts the raw or the
encoded part is disputed, so the larger counts here (see `Weight.total`)."""

_ESCAPED = bytes(byte for byte in range(256) if not 0x20 <= byte <= 0x7E or byte == ord("=")).replace(b"\n", b"")


@dataclass(frozen=True, slots=True)
class Weight:
    """Upper bounds in bytes: `raw` as UTF-8 with CRLF, `quoted` as quoted-printable. Weights of pieces add up."""

    raw: int = 0
    quoted: int = 0

    @classmethod
    def of(cls, text: str) -> Weight:
        """The weight of `text`. Quoted-printable (RFC 2045, section 6.7) writes a byte that is no printable ASCII
        character as three, and breaks lines of more than 76 with three bytes more; at least 73 stand before a break."""
        encoded = text.encode("utf-8", "replace")
        breaks = encoded.count(b"\n")
        raw = len(encoded) + breaks
        quoted = raw + 2 * (len(encoded) - len(encoded.translate(None, _ESCAPED)))
        return cls(raw, quoted + 3 * (quoted // 73 + 1))

    def __add__(self, other: Weight) -> Weight:
        return Weight(self.raw + other.raw, self.quoted + other.quoted)

    def __sub__(self, other: Weight) -> Weight:
        return Weight(self.raw - other.raw, self.quoted - other.quoted)

    @property
    def total(self) -> int:
        """Bytes on the wire: the larger of the raw text and its better encoding (base64: 76 characters for 57 bytes,
        and CRLF)."""
        return max(self.raw, min(self.quoted, (self.raw // 57 + 1) * 78))
