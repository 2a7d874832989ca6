"""Which records are records of one and the same paper. Pure.

A paper is known by keys: `arxiv:`, `doi:`, those of feeds (`url:`, `guid:`, `id:`) and `title:` (a fingerprint). A key
belongs to one paper. The first key of a record, in its order, that belongs to a known paper says which paper it is,
unless a key of a more certain kind says that it is not: two arXiv ids that differ are two papers, though authors gave
both the DOI of their proceedings; and two entries of one feed are two, though they share a title.
"""

from __future__ import annotations

import re
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
        if key in owners and not differ(known[owners[key]], record, than=_certainty(key)):
            return known[owners[key]]
    return None


def differ(one: Paper, other: Paper, *, than: int = 0) -> bool:
    """Whether both carry keys of a kind that is more certain `than` that, and these differ."""
    mine, theirs = _by_space(one), _by_space(other)
    return any(
        mine[space].isdisjoint(theirs[space]) for space in mine.keys() & theirs.keys() if _certainty(f"{space}:") > than
    )


def _certainty(key: str) -> int:
    """How much a key says: 3 for arXiv's, 2 for a DOI, 1 for what one feed calls it, 0 for a title."""
    return {"arxiv": 3, "doi": 2, "title": 0}.get(key.partition(":")[0], 1)


def _by_space(paper: Paper) -> dict[str, set[str]]:
    """The keys of a paper, but its titles, by who gives such keys out: arXiv, DOIs, a feed, a host."""
    spaces: dict[str, set[str]] = {}
    for key in (paper.id, *paper.keys):
        kind, _, rest = key.partition(":")
        if kind != "title":
            giver = "" if kind in ("arxiv", "doi") else f":{re.split('[:/]', rest.partition('//')[2] or rest)[0]}"
            spaces.setdefault(kind + giver, set()).add(key)
    return spaces


def _first_ranks(listings: Iterable[Listing]) -> tuple[Listing, ...]:
    """The first of each (source, day), in order of day, source and rank."""
    first: dict[tuple[str, object], Listing] = {}
    for listing in listings:
        first.setdefault((listing.source, listing.day), listing)
    return tuple(sorted(first.values()))
