"""Who is who: the identities of a paper across sources, days and spellings."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from newsletter.text.clean import clean
from newsletter.text.latex import to_text

_ARXIV = re.compile(
    r"(?:https?://)?(?:(?:www|export)\.)?(?:arxiv\.org/(?:abs|pdf|html|format)/)?(?:arxiv:\s*)?"
    r"(?:(?P<new>[0-9]{2}(?:0[1-9]|1[0-2])\.[0-9]{4,6})"
    r"|(?P<archive>[a-z]+(?:-[a-z]+)*)(?:\.[a-z]{2})?/(?P<old>[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3}))"
    r"(?:v[0-9]+)?(?![0-9a-z])",
    re.IGNORECASE,
)
_DOI = re.compile(
    r"(?:(?:https?://)?(?:dx\.)?doi\.org/|doi:\s*)?(?P<doi>10\.[0-9]{4,9}/[^\s\"<>]{1,200})", re.IGNORECASE
)
_ARXIV_DOI = "10.48550/arxiv."


def fingerprint(title: str) -> str:
    """The first 20 hex digits of the SHA-256 of the normalised `title`.

    Titles that differ only in case, accents (of Latin, Greek and Cyrillic letters), punctuation, spacing or LaTeX
    have the same fingerprint; letters and digits of every script count. A title without any letter or digit is taken
    as it stands.
    """
    text = to_text(title)
    return sha256((_letters(text) or text).encode()).hexdigest()[:20]


def identity_keys(title: str, arxiv_id: str | None = None, doi: str | None = None) -> tuple[str, ...]:
    """Every identity of a paper, best first: `arxiv:<id without version>`, `doi:<lower-case>`, `title:<fingerprint>`.

    Prefixes, addresses, versions and what trails an identifier are taken off; what is no identifier is left out. A DOI
    that arXiv registered names the arXiv paper as well.
    """
    doi = _doi(doi or "")
    arxiv = _arxiv(arxiv_id or "") or (_arxiv(doi.removeprefix(_ARXIV_DOI)) if doi.startswith(_ARXIV_DOI) else "")
    keys = (arxiv and f"arxiv:{arxiv}", doi and f"doi:{doi}", f"title:{fingerprint(title)}")
    return tuple(key for key in keys if key)


def _arxiv(raw: str) -> str:
    """The identifier in its canonical form (https://info.arxiv.org/help/arxiv_identifier.html), `` when it is none.

    The subject class of an old one is no part of it: math.GT/0309136 is math/0309136.
    """
    found = _ARXIV.match(clean(raw))
    if not found:
        return ""
    return found["new"] or f"{found['archive'].lower()}/{found['old']}"


def _doi(raw: str) -> str:
    found = _DOI.match(clean(raw))
    if not found:
        return ""
    doi = found["doi"].lower()
    while True:  # a bracket may stand behind a full stop, and another one behind that
        bare = doi.rstrip(".,;:'")
        bare = bare.rstrip(")") if bare.count(")") > bare.count("(") else bare
        if bare == doi:
            return doi
        doi = bare


def _letters(text: str) -> str:
    """Letters and digits of `text`, case folded, without the accents that people leave out."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept: list[str] = []
    accents_matter = False
    for char in folded:
        group = unicodedata.category(char)[0]
        if group in "LN":
            accents_matter = not _is_european(char)
            kept.append(char)
        elif group == "M" and accents_matter:
            kept.append(char)  # a vowel sign, a voicing mark: another letter, not an ornament
    return "".join(kept)


def _is_european(letter: str) -> bool:
    """Whether a decomposed letter is Latin, Greek or Cyrillic."""
    code = ord(letter)
    return (
        code < 0x0530
        or 0x1C80 <= code < 0x1C90
        or 0x1D00 <= code < 0x2000
        or 0x2C60 <= code < 0x2C80
        or (0xA640 <= code < 0xA6A0 or 0xA720 <= code < 0xA800 or 0xAB30 <= code < 0xAB70)
    )
