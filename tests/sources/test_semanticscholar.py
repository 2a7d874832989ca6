"""What Semantic Scholar knows of papers, asked of a server that answers in its form."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import databases
import pytest
from builders import asking
from enricher_forms import ARXIV, BOTH, JOURNAL, S2, S2_BARE, TITLE, paper
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_forms import mutated, values
from web_server import Reply, WebServer, opened

from newsletter.model import Batch, Link, LinkKind, Listing, Observation, Paper, Verdict
from newsletter.sources import registry
from newsletter.sources.base import Enricher, Tools
from newsletter.sources.enriching import Known
from newsletter.sources.semanticscholar.parser import FIELDS, read_papers, refusal
from newsletter.sources.semanticscholar.source import SemanticScholarOptions, SemanticScholarSource
from newsletter.sources.web import asking as web_module
from newsletter.sources.web.asking import opened_web
from newsletter.store import Store

DAY = date(2026, 11, 3)
TARGET = f"/graph/v1/paper/batch?fields={FIELDS}"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(web_module, "JITTER", 0.01)


def answer(*entries: Any) -> Reply:
    return Reply(body=json.dumps(entries).encode())


async def enrich(server: WebServer, folder: Path, *papers: Paper, **options: Any) -> list[Batch]:
    table = {"kind": "semanticscholar", "name": "s2", "base_url": server.url, "pace": 0, "timeout": 2} | options
    async with opened(folder) as web:
        found = registry.kind("semanticscholar")
        source = found.build(found.Options.model_validate(table), Tools(web, folder))
        assert isinstance(source, Enricher)
        return await source.enrich(papers, asking(DAY))


def test_what_it_tells_is_a_note_on_the_paper() -> None:
    known = read_papers(json.dumps([S2, None, S2_BARE]).encode(), [ARXIV, BOTH, JOURNAL])
    assert known == Known(
        notes=(
            Paper(
                ARXIV.id,
                "",
                "",
                keys=(ARXIV.id,),
                authors=("Ada Example", "Bo Sample"),
                links=(Link(LinkKind.PDF, "https://example.org/1.pdf"),),
                venue="Conference on Invented Things",
                published=date(2025, 3, 3),
                fields=("Computer Science", "Linguistics"),
            ),
            Paper(JOURNAL.id, "", "", keys=(JOURNAL.id,)),
        ),
        observations=(Observation(ARXIV.id, "citations", 17), Observation(JOURNAL.id, "citations", 0)),
        papers=2,
    )


@pytest.mark.parametrize(
    ("told", "venue"),
    [
        ({"venue": "arXiv.org"}, "Conference on Invented Things"),
        ({"venue": "arXiv.org", "publicationVenue": {"name": "arXiv.org"}}, ""),
        ({"venue": "", "publicationVenue": None}, ""),
        ({"venue": "ICIT"}, "ICIT"),
    ],
)
def test_arxiv_is_no_venue(told: dict[str, Any], venue: str) -> None:
    (note,) = read_papers(json.dumps([S2 | told]).encode(), [ARXIV]).notes
    assert note.venue == venue


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://arxiv.org/pdf/2503.01234", "ftp://x/1.pdf"])
def test_only_another_pdf_on_the_web_is_a_link(url: str) -> None:
    (note,) = read_papers(json.dumps([S2 | {"openAccessPdf": {"url": url}}]).encode(), [ARXIV]).notes
    assert note.links == ()


def test_what_comes_in_a_papers_place_must_be_that_paper() -> None:
    ids = {"ArXiv": "2401.00001", "DOI": None}
    wrong = S2 | {"externalIds": ids, "title": "Quite Another \u202eThing"}
    known = read_papers(json.dumps([wrong]).encode(), [ARXIV])
    assert (known.notes, known.observations) == ((), ())
    assert known.faults == ("ARXIV:2503.01234: another paper came in its place, “Quite Another ?Thing”",)
    # A record that it merged with another has another id, and the same title.
    for merged in (S2 | {"externalIds": ids}, S2 | {"externalIds": None, "title": "Other"}):
        assert read_papers(json.dumps([merged]).encode(), [ARXIV]).papers == 1
    published = S2_BARE | {"externalIds": {"DOI": "10.1000/published"}}
    assert read_papers(json.dumps([published]).encode(), [JOURNAL]).papers == 1
    assert read_papers(json.dumps([published | {"title": "Other"}]).encode(), [JOURNAL]).papers == 0


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the answer is not JSON (Expecting value at character 1)"),
        (b"\xff", "the answer is not UTF-8 (byte 1)"),
        (json.dumps([S2]).encode()[:-40], "the answer is not JSON ("),
        (b'{"message": "Internal Server Error"}', "the answer must be a list, not an object: “Internal Server Error”"),
        (b"null", "the answer must be a list, not null"),
        (b"[]", "the answer must tell of 1 paper, not of 0"),
        (b"[[]]", "ARXIV:2503.01234: must be an object, not a list"),
        (b"[" * 10_000, "the answer is JSON that cannot be read: nested too deep"),
        (b" " * 16_000_001, "the answer has more than 16 MB"),
    ],
)
def test_an_answer_that_is_none_is_said(body: bytes, why: str) -> None:
    known = read_papers(body, [ARXIV])
    assert (known.papers, len(known.faults)) == (0, 1)
    assert known.faults[0].startswith(why)


def test_one_wrong_field_costs_no_other() -> None:
    known = read_papers(json.dumps([S2 | {"citationCount": "17", "authors": None}]).encode(), [ARXIV])
    assert known.observations == ()
    assert known.notes[0].venue == "Conference on Invented Things"
    (fault,) = known.faults
    assert fault == "ARXIV:2503.01234: “citationCount” must be a whole number from 0 to 2,147,483,647, not text"


async def test_the_question_is_as_its_makers_want_it(tmp_path: Path) -> None:
    async with WebServer() as server:
        server.answer(TARGET, answer(None, S2, None))
        (batch,) = await enrich(server, tmp_path, BOTH, JOURNAL, TITLE, ARXIV, token="secret-key")
    (request,) = server.requests
    assert (request.method, request.headers["x-api-key"]) == ("POST", "secret-key")
    assert json.loads(request.body) == {"ids": ["ARXIV:2503.01234", "ARXIV:2503.05678", "DOI:10.1000/x(1)"]}
    assert (batch.source, batch.kind, batch.document) == ("s2", "semanticscholar", "paper/batch 1/1")
    assert (batch.papers, batch.day, batch.declared) == ((), None, None)


async def test_a_paper_without_an_id_is_passed_over(tmp_path: Path) -> None:
    async with WebServer() as server:
        server.answer(TARGET, answer(S2))
        (batch,) = await enrich(server, tmp_path, TITLE, ARXIV)
        assert (batch.verdict, batch.why) == (
            Verdict.NEW,
            "1 of 1 paper known; 1 paper without an arXiv id or a DOI",
        )
        (batch,) = await enrich(server, tmp_path, TITLE)
        assert (batch.verdict, batch.why) == (
            Verdict.QUIET,
            "nothing to ask for: 1 paper without an arXiv id or a DOI",
        )
        assert await enrich(server, tmp_path) == []
    assert len(server.requests) == 1


async def test_many_papers_are_asked_for_by_the_hundred_and_once_a_day(tmp_path: Path) -> None:
    papers = [paper(f"2503.{number:05}", title=f"Paper {number}") for number in range(250)]
    async with WebServer() as server:
        server.answer(TARGET, lambda request: answer(*(None for _ in json.loads(request.body)["ids"])))
        batches = await enrich(server, tmp_path, *papers)
        assert await enrich(server, tmp_path, *reversed(papers)) == batches
    assert [len(json.loads(request.body)["ids"]) for request in server.requests] == [100, 100, 50]
    assert [(batch.verdict, batch.why) for batch in batches] == [
        (Verdict.QUIET, "0 of 100 papers known"),
        (Verdict.QUIET, "0 of 100 papers known"),
        (Verdict.QUIET, "0 of 50 papers known"),
    ]


async def test_none_known_is_quiet_and_a_refusal_is_not(tmp_path: Path) -> None:
    async with WebServer() as server:
        server.answer(TARGET, Reply(400, b'{"error": "No valid paper ids given"}'))
        (batch,) = await enrich(server, tmp_path, ARXIV)
        assert (batch.verdict, batch.why) == (Verdict.QUIET, "0 of 1 paper known")
        server.answer(TARGET, Reply(400, b'{"error": "Unrecognized or unsupported fields: [venue]"}'))
        (batch,) = await enrich(server, tmp_path, ARXIV)
    assert batch.verdict is Verdict.BROKEN
    assert "the question was refused: “Unrecognized or unsupported fields: [venue]”" in batch.why
    assert refusal(b"<html>") == "the question was refused"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(404, b"{}"), "answered 404 Not Found; check base_url"),
        (Reply(403, b'{"message": "Forbidden"}'), "answered 403 Forbidden; check the token"),
        (Reply(429, headers={"Retry-After": "0"}), "answered 429 Too Many Requests, several times; it may work later"),
        (Reply(500), "answered 500 Internal Server Error, several times; it may work later"),
        (Reply(body=b"[]", delay=3), ""),
        (Reply(body=json.dumps([S2]).encode(), cut=50), ""),
    ],
)
async def test_a_server_that_does_not_answer_breaks_nothing(tmp_path: Path, reply: Reply, why: str) -> None:
    papers = [paper(f"2503.{number:05}", title=f"Paper {number}") for number in range(150)]
    async with WebServer() as server:
        server.answer(TARGET, reply)
        (batch,) = await enrich(server, tmp_path, *papers, token="secret-key", timeout=0.5)
    assert batch.verdict is Verdict.BROKEN
    assert why in batch.why
    assert "secret-key" not in batch.why
    assert batch.why.endswith("; 50 papers behind it not asked for")
    assert {json.loads(request.body)["ids"][0] for request in server.requests} == {"ARXIV:2503.00000"}


async def test_it_brings_no_papers(tmp_path: Path) -> None:
    options = SemanticScholarOptions(kind="semanticscholar", name="s2")
    assert str(options.base_url) == "https://api.semanticscholar.org/"
    assert options.pace == 1
    async with opened(tmp_path, offline=True) as web:
        assert await SemanticScholarSource(options, web).collect(asking(DAY)) == []


async def test_what_it_knows_completes_what_is_stored(tmp_path: Path) -> None:
    listed = [Listing(DAY, "daily", 1)]
    stored = Paper(ARXIV.id, ARXIV.title, "We test.", listings=tuple(listed), keys=ARXIV.keys, first_seen=DAY)
    now = datetime(2026, 11, 3, 12, tzinfo=UTC)
    async with WebServer() as server, await Store.open(databases.of(tmp_path)) as store:
        server.answer(TARGET, answer(S2))
        await store.batches.remember(Batch("daily", "page", DAY, (stored,), Verdict.NEW, "1 paper read"), now)
        async with opened_web(store.answers, store.paces, contact="", owner="test") as web:
            options = SemanticScholarOptions.model_validate(
                {"kind": "semanticscholar", "name": "s2", "base_url": server.url}
            )
            (batch,) = await SemanticScholarSource(options, web).enrich(await store.papers.find(), asking(DAY))
        await store.batches.remember(batch, now)
        (known,) = await store.papers.find()
    assert (known.title, known.abstract, known.listings) == (stored.title, stored.abstract, stored.listings)
    assert (known.venue, known.fields) == ("Conference on Invented Things", ("Computer Science", "Linguistics"))
    assert dict(known.origins)["venue"] == "semanticscholar/s2"


async def test_an_answer_that_cannot_be_read_is_asked_for_anew(tmp_path: Path) -> None:
    async with WebServer() as server:
        server.answer(TARGET, Reply(body=b"<html>"), answer(S2))
        verdicts = [(await enrich(server, tmp_path, ARXIV))[0].verdict for _ in range(3)]
        assert verdicts == [Verdict.BROKEN, Verdict.NEW, Verdict.NEW]
        assert len(server.requests) == 2


def check(body: bytes) -> None:
    papers = [ARXIV, JOURNAL]
    known = read_papers(body, papers)
    assert known.papers == len(known.notes) <= len(papers)
    for note in known.notes:
        assert note.id in {one.id for one in papers}
        assert note.title == note.abstract == ""
        assert note.listings == ()
        for text in (note.venue, *note.authors, *note.fields):
            text.encode()
            assert not set(text) & set("\r\n\0\x1b")
        for link in note.links:
            assert link.url.startswith(("http://", "https://"))
    for one in known.observations:
        assert 0 <= one.value < 2**31
    for fault in known.faults:
        assert fault.isprintable()
        assert len(fault) < 400


bodies = st.one_of(
    st.lists(st.one_of(mutated(S2), mutated(S2_BARE), values), min_size=1, max_size=3).map(
        lambda entries: json.dumps(entries).encode()
    ),
    values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=200),
)


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
