"""The source that docs/adding-a-source.md shows in full, installed as another package's and asked over real HTTP."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from places import PROJECT
from web_server import Reply, WebServer, opened
from world import FRIDAY, World

from newsletter.model import Link, LinkKind, Verdict
from newsletter.settings import source_options
from newsletter.sources.base import Ask, Past, Tools
from newsletter.sources.registry import kind

PAPERS = [
    {"title": "A Robot  of\nOur Own\ud800", "abstract": "It walks.", "arxiv": "2503.01234"},
    {"title": "  ", "abstract": "Half a record."},
    {"title": "Another Robot", "doi": "10.1000/SWIM", "pdf": "https://ourlab.example/2.pdf", "votes": [7]},
]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The code of the guide with the entry point of the guide, where Python finds installed packages."""
    guide = (PROJECT / "docs" / "adding-a-source.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", guide, re.S)
    entry = next(block for block in re.findall(r"```toml\n(.*?)```", guide, re.S) if "entry-points" in block)
    group, line = entry.splitlines()
    folder = tmp_path / "site"
    distribution = folder / "ourlab_newsletter-1.0.dist-info"
    distribution.mkdir(parents=True)
    (folder / "ourlab_newsletter.py").write_text(code, encoding="utf-8")
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: ourlab-newsletter\nVersion: 1.0\n")
    name = re.findall(r'"([^"]+)"', group)[0]
    (distribution / "entry_points.txt").write_text(f"[{name}]\n{line.replace(chr(34), '')}\n")
    monkeypatch.syspath_prepend(folder)
    return folder


async def test_the_guides_source_works(package: Path, tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "token").write_text("hush\n")
    async with WebServer() as server:
        server.answer("/list", Reply(body=json.dumps({"papers": PAPERS}).encode()), Reply(body=b"<html>"), Reply(404))
        table = {
            "kind": "ourlab",
            "name": "ours",
            "base_url": server.url,
            "token_file": str(tmp_path / "token"),
            "pace": 0,
        }
        settings = world.configuration.settings.model_copy(update={"sources": (source_options(table),)})
        world.configuration = replace(world.configuration, settings=settings)
        async with world.daily() as daily:
            told = [(await daily.collect())[0] for _ in range(3)]
            [one] = [one async for one in daily.back_fill(FRIDAY, FRIDAY)]
            papers = {paper.id: paper for paper in await daily.store.papers.find()}
    assert [one.batch.verdict for one in (*told, one)] == [Verdict.PARTIAL, *[Verdict.BROKEN] * 3]
    assert (told[0].papers, told[0].batch.declared, len(told[0].batch.problems)) == (2, 3, 1)
    assert "404" in told[2].batch.why
    assert sorted(papers) == ["arxiv:2503.01234", "doi:10.1000/swim"]
    assert papers["arxiv:2503.01234"].title == "A Robot of Our Own"
    assert papers["doi:10.1000/swim"].links == (Link(LinkKind.PDF, "https://ourlab.example/2.pdf"),)
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer hush"] * 4
    assert server.requests[0].target.startswith("/list?day=")


HOSTILE: list[Any] = [
    None,
    5,
    True,
    "papers",
    [],
    [[]],
    {},
    {"papers": None},
    {"papers": 5},
    {"papers": {"title": "T"}},
]
RECORDS: list[Any] = [
    None,
    5,
    True,
    [],
    "T",
    {},
    {"title": None},
    {"title": ""},
    {"title": "\x00\ud800"},
    {"title": ["T"]},
]


@pytest.mark.parametrize(
    "body",
    [
        *(json.dumps(one).encode() for one in HOSTILE),
        *(json.dumps({"papers": [one]}).encode() for one in RECORDS),
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"9" * 10_000,
        json.dumps({"papers": PAPERS}).encode()[:-20],
        json.dumps({"papers": [{"title": "T"}] * 10_000}).encode(),
    ],
)
def test_what_the_guides_source_cannot_read_is_broken(package: Path, body: bytes) -> None:
    batch = import_module("ourlab_newsletter").read(body, "ours", FRIDAY)
    assert (batch.verdict, batch.papers, len(batch.problems)) == (Verdict.BROKEN, (), 1)


def test_what_the_guides_source_can_read(package: Path) -> None:
    read = import_module("ourlab_newsletter").read
    assert read(b'{"papers": []}', "ours", FRIDAY).verdict is Verdict.QUIET
    wrong = {"title": "T", "abstract": 5, "arxiv": ["2503.01234"], "doi": {}, "pdf": "http://127.0.0.1/"}
    (paper,) = read(json.dumps({"papers": [wrong]}).encode(), "ours", FRIDAY).papers
    assert (paper.title, paper.abstract, paper.links) == ("T", "", ())
    assert paper.keys == (paper.id,)


async def test_the_guides_source_asks_for_what_was_missed(package: Path, tmp_path: Path) -> None:
    """A day that fails does not take the others along, and what could not be read is asked for without its etag."""
    async with WebServer() as server, opened(tmp_path) as web:
        server.answer("/list", Reply(body=json.dumps({"papers": PAPERS}).encode(), headers={"ETag": '"a"'}))
        server.answer("/list?day=2026-08-04", Reply(404))
        server.answer("/list?day=2026-08-06", Reply(body=b"5", headers={"ETag": '"a"'}))
        options = source_options({"kind": "ourlab", "name": "ours", "base_url": server.url, "pace": 0})
        source = kind("ourlab").build(options, Tools(web, tmp_path))
        past = {"": Past(date(2026, 8, 4), frozenset({date(2026, 8, 5)}))}
        ask = Ask(datetime(2026, 8, 7, 12, tzinfo=UTC), date(2026, 8, 7), past=past)
        for _ in range(2):
            batches = sorted(await source.collect(ask), key=lambda batch: batch.document)
            assert [(batch.document[-2:], batch.verdict) for batch in batches] == [
                ("04", Verdict.BROKEN),
                ("06", Verdict.BROKEN),
                ("07", Verdict.PARTIAL),
            ]
    conditional = {request.target[-2:] for request in server.requests if "if-none-match" in request.headers}
    assert conditional == {"07"}


def test_the_guide_is_right_about_what_a_kind_needs(package: Path) -> None:
    with pytest.raises(ValueError, match="did you mean “ourlab”"):
        source_options({"kind": "ourlabs", "name": "ours"})
    assert source_options({"kind": "ourlab", "name": "ours"}).kind == "ourlab"
