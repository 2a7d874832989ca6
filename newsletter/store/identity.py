"""Which records are records of one and the same paper. Pure.

A paper is known by keys: `arxiv:`, `doi:` and `title:` (a fingerprint). A key belongs to one paper for ever. The first
key of a record, in its order, that belongs to a known paper says which paper it is; only a title alone is not enough
when both sides carry an arXiv id (or both a DOI) and these differ, for two papers may share a title.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from newsletter.model import Listing, Paper, merge


def join(papers: Iterable[Paper], known: Mapping[str, Paper]) -> dict[str, Paper]:
    """`known` (by id) after the records `papers` were joined to it, one after the other.

    The result holds every known paper, changed or not, and the new ones, by id. A paper keeps its id for ever, and
    only the first rank of each (source, day).
    """
    joined = dict(known)
    owners = {key: paper.id for paper in known.values() for key in paper.keys}
    for record in papers:
        found = _recognise(record, owners, joined)
        paper = merge(found, record) if found else record
        owner = found.id if found else None
        keys = dict.fromkeys((paper.id, *paper.keys, record.id))
        ours = tuple(key for key in keys if owners.get(key, owner) == owner)
        sights = [listing.day for listing in paper.listings] + ([paper.first_seen] if paper.first_seen else [])
        paper = replace(
            paper,
            id=owner or ours[0],  # a record that shares its title with another paper goes by its next key
            keys=ours,
            listings=_first_ranks((found.listings if found else ()) + record.listings),
            first_seen=min(sights, default=None),
        )
        joined[paper.id] = paper
        owners.update(dict.fromkeys(ours, paper.id))
    return joined


def complete(notes: Iterable[Paper], known: Mapping[str, Paper]) -> dict[str, Paper]:
    """`known` (by id) after it was completed with the records `notes`; a note on what is not known is passed over."""
    owners = {key: paper.id for paper in known.values() for key in paper.keys}
    joined = join((note for note in notes if _recognise(note, owners, known)), known)
    return {paper_id: joined[paper_id] for paper_id in known}


def _recognise(record: Paper, owners: Mapping[str, str], known: Mapping[str, Paper]) -> Paper | None:
    """The known paper that `record` is another record of."""
    for key in dict.fromkeys((*record.keys, record.id)):
        if key in owners:
            paper = known[owners[key]]
            if not (key.startswith("title:") and _differ(paper, record)):
                return paper
    return None


def _differ(one: Paper, other: Paper) -> bool:
    """Whether both carry a key of a kind that names a paper for certain, and these differ."""
    pairs = ((_keys(one, kind), _keys(other, kind)) for kind in ("arxiv:", "doi:"))
    return any(mine and theirs and mine.isdisjoint(theirs) for mine, theirs in pairs)


def _keys(paper: Paper, kind: str) -> set[str]:
    return {key for key in (paper.id, *paper.keys) if key.startswith(kind)}


def _first_ranks(listings: Iterable[Listing]) -> tuple[Listing, ...]:
    """The first of each (source, day), in order of day, source and rank."""
    first: dict[tuple[str, object], Listing] = {}
    for listing in listings:
        first.setdefault((listing.source, listing.day), listing)
    return tuple(sorted(first.values()))
