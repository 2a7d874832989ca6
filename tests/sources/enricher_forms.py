"""Answers of Semantic Scholar and OpenAlex in their real forms, with invented content."""

from __future__ import annotations

import json
from typing import Any

from newsletter.model import Paper
from newsletter.text import identity_keys


def paper(arxiv_id: str = "", doi: str = "", title: str = "A Made-up Paper") -> Paper:
    keys = identity_keys(title, arxiv_id, doi)
    return Paper(keys[0], title, "We test.", keys=keys)


ARXIV = paper("2503.01234")
JOURNAL = paper(doi="10.1000/x(1)", title="Another")
BOTH = paper("2503.05678", "10.1000/both", "In Two Places")
TITLE = paper(title="Only a Title")

S2: dict[str, Any] = {
    "paperId": "00000000000000000000000000000000000000aa",
    "externalIds": {"ArXiv": "2503.01234", "DOI": "10.48550/arXiv.2503.01234", "CorpusId": 1234567},
    "title": "A Made-up Paper",
    "venue": "Conference on Invented Things",
    "publicationVenue": {"id": "v1", "name": "Conference on Invented Things", "type": "conference", "url": "http://x"},
    "citationCount": 17,
    "openAccessPdf": {"url": "https://example.org/1.pdf", "status": "GREEN", "license": "CCBY", "disclaimer": "..."},
    "fieldsOfStudy": ["Computer Science"],
    "s2FieldsOfStudy": [
        {"category": "Computer Science", "source": "external"},
        {"category": "Linguistics", "source": "s2-fos-model"},
    ],
    "publicationDate": "2025-03-03",
    "authors": [{"authorId": "1", "name": "Ada Example"}, {"authorId": None, "name": "Bo Sample"}],
}
S2_BARE: dict[str, Any] = {
    "paperId": "00000000000000000000000000000000000000bb",
    "externalIds": {"DOI": "10.1000/X(1)", "CorpusId": 7654321},
    "title": "Another",
    "venue": "",
    "publicationVenue": None,
    "citationCount": 0,
    "openAccessPdf": {"url": "", "status": "CLOSED", "license": None},
    "fieldsOfStudy": None,
    "s2FieldsOfStudy": [],
    "publicationDate": None,
    "authors": [],
}

WORK: dict[str, Any] = {
    "id": "https://openalex.org/W1000000001",
    "doi": "https://doi.org/10.48550/arxiv.2503.01234",
    "ids": {"openalex": "https://openalex.org/W1000000001", "doi": "https://doi.org/10.48550/arxiv.2503.01234"},
    "cited_by_count": 5,
    "is_retracted": False,
    "publication_date": "2025-03-03",
    "primary_location": {
        "is_oa": True,
        "landing_page_url": "https://doi.org/10.48550/arxiv.2503.01234",
        "pdf_url": None,
        "source": {
            "id": "https://openalex.org/S1",
            "display_name": "arXiv (Cornell University)",
            "type": "repository",
        },
        "version": "submittedVersion",
    },
    "primary_topic": {
        "id": "https://openalex.org/T1",
        "display_name": "Software Testing",
        "score": 0.99,
        "subfield": {"id": "https://openalex.org/subfields/1712", "display_name": "Software"},
        "field": {"id": "https://openalex.org/fields/17", "display_name": "Computer Science"},
        "domain": {"id": "https://openalex.org/domains/3", "display_name": "Physical Sciences"},
    },
    "topics": [
        {"id": "T1", "display_name": "Software Testing", "field": {"id": "17", "display_name": "Computer Science"}},
        {"id": "T2", "display_name": "Proof", "field": {"id": "26", "display_name": "Mathematics"}},
    ],
    "authorships": [
        {
            "author_position": "first",
            "author": {"id": "https://openalex.org/A1", "display_name": "Ada Example", "orcid": None},
            "institutions": [
                {"id": "https://openalex.org/I1", "display_name": "Example University", "country_code": "DE"},
                {"id": "https://openalex.org/I2", "display_name": "Sample Institute", "country_code": None},
            ],
            "raw_author_name": "A. Example",
        },
        {
            "author_position": "last",
            "author": {"id": "https://openalex.org/A2", "display_name": "Bo Sample", "orcid": None},
            "institutions": [{"id": "https://openalex.org/I1", "display_name": "Example University"}],
        },
    ],
}


def work(doi: str, **fields: Any) -> dict[str, Any]:
    return WORK | {"doi": f"https://doi.org/{doi}"} | fields


def works(*results: dict[str, Any], count: int | None = None) -> bytes:
    meta = {"count": len(results) if count is None else count, "page": 1, "per_page": 50, "groups_count": None}
    return json.dumps({"meta": meta, "results": results, "group_by": []}).encode()
