"""What OpenAlex knows of papers, asked of a server that answers in its form."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from builders import asking
from enricher_forms import ARXIV, BOTH, JOURNAL, TITLE, WORK, paper, work, works
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_forms import mutated, values
from web_server import Reply, WebServer, opened

from newsletter.model import Batch, Observation, Paper, Verdict
from newsletter.sources import registry
from newsletter.sources.base import Enricher, Tools
from newsletter.sources.enriching import Known
from newsletter.sources.openalex.parser import SELECT, read_works, refusal
from newsletter.sources.openalex.source import OpenAlexOptions, OpenAlexSource
from newsletter.sources.web import asking as web_module

DAY = date(2026, 11, 3)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(web_module, "JITTER", 0.01)


async def enrich(server: WebServer, folder: Path, *papers: Paper, **options: Any) -> list[Batch]:
    table = {"kind": "openalex", "name": "oa", "base_url": server.url, "pace": 0, "timeout": 2} | options
    async with opened(folder) as web:
        found = registry.kind("openalex")
        source = found.build(found.Options.model_validate(table), Tools(web, folder))
        assert isinstance(source, Enricher)
        return await source.enrich(papers, asking(DAY))


def asked(target: str) -> list[str]:
    """The DOIs of the filter, as a server reads it."""
    (value,) = parse_qs(urlsplit(target).query)["filter"]
    assert value.startswith("doi:")
    return [one.removeprefix("https://doi.org/") for one in value.removeprefix("doi:").split("|")]


def test_what_it_tells_is_a_note_on_the_paper() -> None:
    journal = work("10.1000/X(1)", primary_location={"source": {"display_name": "J. Made-up"}}, is_retracted=True)
    known = read_works(works(journal, WORK), [ARXIV, JOURNAL])
    note = Paper(
        ARXIV.id,
        "",
        "",
        keys=(ARXIV.id,),
        published=date(2025, 3, 3),
        institutions=("Example University", "Sample Institute"),
        fields=("Computer Science", "Mathematics"),
    )
    by_id = {one.id: one for one in known.notes}
    assert by_id[ARXIV.id] == note
    assert by_id[JOURNAL.id].venue == "J. Made-up"
    assert set(known.observations) == {
        Observation(ARXIV.id, "citations", 5),
        Observation(JOURNAL.id, "citations", 5),
        Observation(JOURNAL.id, "retracted", 1),
    }
    assert (known.papers, known.faults, known.remark) == (2, (), "1 retracted: doi:10.1000/x(1)")


def test_of_a_preprint_and_what_was_published_the_more_cited_is_believed() -> None:
    published = work("10.1000/both", cited_by_count=9, primary_location={"source": {"display_name": "J. Made-up"}})
    preprint = work("10.48550/arXiv.2503.05678", cited_by_count=2, is_retracted=True)
    for results in ((published, preprint), (preprint, published)):
        known = read_works(works(*results), [BOTH])
        assert [note.venue for note in known.notes] == ["J. Made-up"]
        assert known.observations == (Observation(BOTH.id, "citations", 9), Observation(BOTH.id, "retracted", 1))
        assert known.papers == 1


def test_a_work_without_anything_is_known_all_the_same() -> None:
    bare = dict.fromkeys(WORK) | {"doi": WORK["doi"], "topics": [], "authorships": []}
    known = read_works(works(bare), [ARXIV])
    assert known == Known((Paper(ARXIV.id, "", "", keys=(ARXIV.id,)),), (Observation(ARXIV.id, "citations", 0),), 1)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the answer is not JSON (Expecting value at character 1)"),
        (works(WORK)[:-40], "the answer is not JSON ("),
        (b"\xfe", "the answer is not UTF-8 (byte 1)"),
        (b"[]", "the answer must be an object with “results”, not a list"),
        (b'{"error": "Oops"}', "the answer must be an object with “results”, not an object: “Oops”"),
        (b'{"results": 5}', "“results” must be a list, not a number"),
        (b'{"results": [null]}', "“results” must be a list of objects; null is in it"),
        (works(work("10.1/other\n")), "results: a work came that nobody asked for, “10.1/other”"),
        (works(count=3), "there are 3 works, and 0 came"),
        (b" " * 16_000_001, "the answer has more than 16 MB"),
    ],
)
def test_an_answer_that_is_none_is_said(body: bytes, why: str) -> None:
    known = read_works(body, [ARXIV])
    assert (known.papers, len(known.faults)) == (0, 1)
    assert known.faults[0].startswith(why)


def test_one_wrong_field_costs_no_other() -> None:
    known = read_works(works(WORK | {"cited_by_count": -1, "topics": {"a": 1}}), [ARXIV])
    assert known.notes[0].institutions == ("Example University", "Sample Institute")
    assert known.faults == ("10.48550/arxiv.2503.01234: “topics” must be a list, not an object",)


async def test_the_question_is_as_its_makers_want_it(tmp_path: Path) -> None:
    async with WebServer() as server:
        server.answer("/works", Reply(body=works(WORK)))
        (batch,) = await enrich(server, tmp_path, TITLE, BOTH, JOURNAL, ARXIV, token="secret&key")
        (request,) = server.requests
        query = parse_qs(urlsplit(request.target).query)
        assert asked(request.target) == [
            "10.1000/both",
            "10.48550/arxiv.2503.05678",
            "10.1000/x(1)",
            "10.48550/arxiv.2503.01234",
        ]
        assert (query["select"], query["per_page"], query["api_key"]) == ([SELECT], ["50"], ["secret&key"])
        assert (batch.source, batch.kind, batch.document, batch.papers) == ("oa", "openalex", "works 1/1", ())
        why = "1 of 3 papers known; 1 paper without an arXiv id or a DOI that can be asked for"
        assert (batch.verdict, batch.why) == (Verdict.NEW, why)
        (again,) = await enrich(server, tmp_path, ARXIV, JOURNAL, BOTH, token="secret&key")
    assert again.notes == batch.notes
    assert len(server.requests) == 1  # the same question, on the same day


@pytest.mark.parametrize("sign", [",", "|", "+"])
async def test_a_doi_that_no_filter_can_hold_is_left_out(tmp_path: Path, sign: str) -> None:
    odd = paper(doi=f"10.1000/a{sign}b", title="Odd")
    also = paper("2503.09999", f"10.1000/c{sign}d", "Also Odd")
    hard = paper(doi="10.1000/a&b=#c%20;é", title="Hard")
    async with WebServer() as server:
        server.answer("/works", Reply(body=works()))
        (batch,) = await enrich(server, tmp_path, odd, also, hard)
    assert asked(server.requests[0].target) == ["10.1000/a&b=#c%20;é", "10.48550/arxiv.2503.09999"]
    assert batch.why == "0 of 2 papers known; 1 paper without an arXiv id or a DOI that can be asked for"


async def test_many_papers_are_asked_for_by_fifty_dois(tmp_path: Path) -> None:
    papers = [paper(f"2503.{number:05}", title=f"Paper {number}") for number in range(120)]
    longs = [paper(doi=f"10.1000/{number}/{'é' * 100}", title=f"Long {number}") for number in range(20)]
    async with WebServer() as server:
        server.answer("/works", Reply(body=works()))
        batches = await enrich(server, tmp_path, *papers, *longs)
    targets = [request.target for request in server.requests]
    assert all(len(target) < 8_000 and len(asked(target)) <= 50 for target in targets)
    told = [doi for target in targets for doi in asked(target)]
    assert len(told) == len(set(told)) == 140
    assert len(batches) == len(targets)
    assert sum(int(batch.why.split(" of ")[1].split()[0]) for batch in batches) == 140


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(400, b'{"error": "Invalid filter", "message": "Unknown field"}'), "was refused: “Unknown field”"),
        (Reply(404), "answered 404 Not Found; check base_url"),
        (Reply(403), "answered 403 Forbidden; check the token"),
        (Reply(429, headers={"Retry-After": "0"}), "answered 429 Too Many Requests, several times; it may work later"),
        (Reply(body=works(WORK), cut=100), ""),
    ],
)
async def test_a_server_that_does_not_answer_breaks_nothing(tmp_path: Path, reply: Reply, why: str) -> None:
    async with WebServer() as server:
        server.answer("/works", reply)
        (batch,) = await enrich(server, tmp_path, ARXIV, token="secret-key")
    assert batch.verdict is Verdict.BROKEN
    assert why in batch.why
    assert "secret-key" not in batch.why
    assert batch.problems


async def test_an_answer_that_cannot_be_read_is_asked_for_anew(tmp_path: Path) -> None:
    async with WebServer() as server:
        server.answer("/works", Reply(body=works(WORK)[:-40]), Reply(body=works(WORK)))
        verdicts = [(await enrich(server, tmp_path, ARXIV))[0].verdict for _ in range(3)]
        assert verdicts == [Verdict.BROKEN, Verdict.NEW, Verdict.NEW]
        assert len(server.requests) == 2


async def test_it_brings_no_papers(tmp_path: Path) -> None:
    options = OpenAlexOptions(kind="openalex", name="oa")
    assert str(options.base_url) == "https://api.openalex.org/"
    assert options.pace == 0.2
    async with opened(tmp_path, offline=True) as web:
        assert await OpenAlexSource(options, web).collect(asking(DAY)) == []


def check(body: bytes) -> None:
    papers = [ARXIV, JOURNAL]
    known = read_works(body, papers)
    assert known.papers == len(known.notes) <= len(papers)
    for note in known.notes:
        assert note.id in {one.id for one in papers}
        assert note.title == note.abstract == ""
        assert not [*note.listings, *note.links]
        for text in (note.venue, *note.institutions, *note.fields):
            text.encode()
            assert not set(text) & set("\r\n\0\x1b")
    for one in known.observations:
        assert 0 <= one.value < 2**31
    for sentence in (*known.faults, known.remark):
        assert sentence.isprintable()
        assert len(sentence) < 400


answers = st.fixed_dictionaries(
    {"results": st.one_of(values, st.lists(st.one_of(mutated(WORK), values), max_size=3))},
    optional={"meta": st.one_of(values, st.builds(lambda count: {"count": count}, values))},
)
bodies = st.one_of(st.one_of(answers, values).map(lambda value: json.dumps(value).encode()), st.binary(max_size=200))


@settings(deadline=None, max_examples=300)
@given(bodies)
def test_no_answer_does_harm(body: bytes) -> None:
    check(body)
    assert refusal(body).isprintable()


@pytest.mark.slow
@settings(deadline=None, max_examples=600)
@given(bodies)
def test_no_answer_of_very_many_does_harm(body: bytes) -> None:
    check(body)
