"""What Semantic Scholar answers to a question for many papers. Pure.

The answer of `POST /graph/v1/paper/batch` is a list as long as that of the ids, in their order, with null for what it
does not know (https://api.semanticscholar.org/api-docs/graph). Records that it has merged answer under another id: what
comes in a paper's place is believed when its id or its title is the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from newsletter.model import Link, LinkKind, Observation, Paper
from newsletter.sources.bounds import counted
from newsletter.sources.enriching import Known, is_arxiv, key_of
from newsletter.sources.json_fields import Fields, decoded, is_web_address, kind_of, short
from newsletter.text import fingerprint

FIELDS = (
    "title,externalIds,citationCount,venue,publicationVenue,fieldsOfStudy,s2FieldsOfStudy,publicationDate,"
    "openAccessPdf,authors"
)
MAX_BYTES = 16_000_000
NONE_KNOWN = "no valid paper ids"  # what it says, with status 400, when it knows none of the ids


def id_of(paper: Paper) -> str:
    """The id under which to ask for a paper, empty when it has none that would do."""
    if arxiv := key_of(paper, "arxiv:"):
        return f"ARXIV:{arxiv.removeprefix('arxiv:')}"
    return f"DOI:{doi.removeprefix('doi:')}" if (doi := key_of(paper, "doi:")) else ""


def read_papers(body: bytes, asked: Sequence[Paper]) -> Known:
    """What the answer tells of the papers that were `asked` for, in that order. Never raises."""
    if len(body) > MAX_BYTES:
        return Known(faults=(f"the answer has more than {MAX_BYTES // 1_000_000} MB",))
    try:
        entries = decoded(body)
    except ValueError as error:
        return Known(faults=(f"the answer {error}",))
    if not isinstance(entries, list):
        return Known(faults=(f"the answer must be a list, not {kind_of(entries)}{_said(entries)}",))
    if len(entries) != len(asked):
        return Known(faults=(f"the answer must tell of {counted(len(asked), 'paper')}, not of {len(entries):,}",))
    notes: list[Paper] = []
    observations: list[Observation] = []
    faults: list[str] = []
    for entry, paper in zip(entries, asked, strict=True):
        if entry is None:
            continue
        fields = Fields(entry if isinstance(entry, dict) else {})
        if not isinstance(entry, dict):
            faults.append(f"{short(id_of(paper))}: must be an object, not {kind_of(entry)}")
        elif not _is_of(fields, paper):
            faults.append(f"{short(id_of(paper))}: another paper came in its place, “{short(fields.text('title'))}”")
        else:
            notes.append(_note(fields, paper))
            if (citations := fields.whole("citationCount")) is not None:
                observations.append(Observation(paper.id, "citations", citations))
        faults += [f"{short(id_of(paper))}: {fault}" for fault in fields.faults[:1]]
    return Known(tuple(notes), tuple(observations), len(notes), tuple(faults))


def refusal(body: bytes) -> str:
    """Why it refused to answer (HTTP 400), in its own words; empty when it means that it knows none of the papers."""
    try:
        said = _said(decoded(body))
    except ValueError:
        said = ""
    return "" if NONE_KNOWN in said.casefold() else f"the question was refused{said}"


def _said(value: Any) -> str:
    """What an answer that is no list says, behind a colon."""
    fields = Fields(value if isinstance(value, dict) else {})
    said = fields.text("error") or fields.text("message")
    return f": “{said[:200]}”" if said.isprintable() and said else ""


def _is_of(fields: Fields, paper: Paper) -> bool:
    ids = fields.part("externalIds")
    pairs = (("arxiv:", ids.text("ArXiv")), ("doi:", ids.text("DOI")))
    told = [(key_of(paper, scheme), f"{scheme}{value.casefold()}") for scheme, value in pairs if value]
    comparable = [(ours, theirs) for ours, theirs in told if ours]
    if not comparable or any(ours == theirs for ours, theirs in comparable):
        return True
    return f"title:{fingerprint(fields.text('title'))}" in paper.keys


def _note(fields: Fields, paper: Paper) -> Paper:
    venues = (fields.text("venue"), fields.part("publicationVenue").text("name"))
    studied = [one.text("category") for one in fields.parts("s2FieldsOfStudy")]
    names = [one.text("name") for one in fields.parts("authors")]
    pdf = fields.part("openAccessPdf").text("url")
    return Paper(
        id=paper.id,
        title="",
        abstract="",
        keys=(paper.id,),
        authors=tuple(name for name in names if name),
        links=(Link(LinkKind.PDF, pdf),) if is_web_address(pdf) and "arxiv.org/" not in pdf else (),
        venue=next((venue for venue in venues if venue and not is_arxiv(venue)), ""),
        published=fields.day("publicationDate"),
        fields=tuple(dict.fromkeys(one for one in (*fields.texts("fieldsOfStudy"), *studied) if one)),
    )
