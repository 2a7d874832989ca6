"""Small papers written by hand, and those of the seeds, as records."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from places import SEEDS

from newsletter.sources.listing.parser import parse_listing

Record = dict[str, Any]

NERF = {
    "id": "2503.01234",
    "title": "Radiance Fields from Few Photographs",
    "abstract": "We render novel views of a scene with a neural radiance field from three photographs.",
    "authors": ["Ada Lovelace", "Grace Hopper"],
    "categories": ["cs.CV", "cs.GR"],
}
SPLATS = {
    "id": "2503.02345",
    "title": "Splatting Gaussians for View Synthesis",
    "abstract": "Scenes are rendered by splatting Gaussians, faster than a radiance field.",
    "authors": ["Alan Turing"],
    "categories": "cs.CV",
}
BRAIN = {
    "id": "2503.03456",
    "title": "Decoding Speech from the Brain",
    "abstract": "Recordings of the cortex are decoded into words that a listener heard.",
    "authors": ["Barbara Liskov"],
    "categories": ["q-bio.NC"],
}
CELLS = {
    "id": "2503.04567",
    "title": "Plasmids in Biofilms",
    "abstract": "Bacteria exchange plasmids; we sequence their genomes and measure resistance.",
    "authors": ["Rosalind Franklin"],
    "categories": ["q-bio.PE"],
}
PAPERS: list[Record] = [CELLS, SPLATS, BRAIN, NERF]

FIELDS = {"slug": "fields", "name": "Radiance fields", "description": "Rendering of novel views."}


@cache
def seeds() -> tuple[Record, ...]:
    """The papers of both seeds."""
    found: dict[str, Record] = {}
    for path in sorted(SEEDS.glob("*.txt")):
        batch = parse_listing(path.read_bytes(), document=path.name, source="seeds", year=None, today=date(2025, 3, 13))
        assert batch.papers
        for paper in batch.papers:
            found[paper.id] = {"id": paper.id, "title": paper.title, "abstract": paper.abstract}
    return tuple(found.values())
