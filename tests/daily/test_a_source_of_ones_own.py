"""The source that docs/adding-a-source.md shows in full, installed as another package's and asked over real HTTP."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from places import PROJECT
from web_server import Reply, WebServer
from world import FRIDAY, World

from newsletter.model import Verdict
from newsletter.settings import source_options

PAPERS = [
    {"title": "A Robot  of\nOur Own", "abstract": "It walks.", "arxiv": "2503.01234"},
    {"title": "Half a Record"},
    {"title": "Another Robot", "abstract": "It swims.", "doi": "10.1000/SWIM"},
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
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer hush"] * 4
    assert server.requests[0].target.startswith("/list?day=")


def test_the_guide_is_right_about_what_a_kind_needs(package: Path) -> None:
    with pytest.raises(ValueError, match="did you mean “ourlab”"):
        source_options({"kind": "ourlabs", "name": "ours"})
    assert source_options({"kind": "ourlab", "name": "ours"}).kind == "ourlab"
