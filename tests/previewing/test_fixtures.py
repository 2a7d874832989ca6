"""The fixtures are what they say, and what is made of them is whole and without a fault."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path
from unicodedata import name as name_of

import pytest

from newsletter.assembly import opened_daily
from newsletter.daily import Preview
from newsletter.model import TRENDING, LinkKind, Why
from newsletter.previewing.fixtures import FIXTURES
from newsletter.rendering.lint import Severity, lint
from newsletter.settings import load, shipped

Made = dict[str, Preview]


async def compose(folder: Path, **email: object) -> Made:
    """The messages of all fixtures, from an installation in `folder`."""
    flags = {"state_dir": folder, "secret_keys": ["a-key-for-the-tests"], "email": email}
    fixtures = {name: make() for name, make in FIXTURES.items()}
    async with opened_daily(load(shipped("config"), flags)) as daily:
        return {name: daily.specimen(one.reader, one.digest, one.papers) for name, one in fixtures.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return asyncio.run(compose(tmp_path_factory.mktemp("fixtures")))


def test_the_names_are_those_that_the_command_offers() -> None:
    assert list(FIXTURES) == ["one", "many", "none", "long", "rtl", "cjk", "latex"]


@pytest.mark.parametrize("name", FIXTURES)
def test_a_fixture_is_the_same_every_time_and_its_picks_add_up(name: str) -> None:
    one = FIXTURES[name]()
    assert one == FIXTURES[name]()
    papers = [pick.paper for pick in one.digest.picks]
    assert sorted(papers) == sorted(one.papers)
    assert len(papers) == len(set(papers))
    slugs = {section.slug for section in one.digest.sections}
    for pick in one.digest.picks:
        assert pick.topic in slugs | {TRENDING}
        assert sum(value for _, value in pick.parts) == pick.score
        assert pick.reasons


@pytest.mark.parametrize("name", FIXTURES)
def test_reasons_are_true(name: str) -> None:
    one = FIXTURES[name]()
    for pick in one.digest.picks:
        paper = one.papers[pick.paper]
        for reason in pick.reasons:
            text = {Why.TITLE: paper.title, Why.ABSTRACT: paper.abstract}.get(reason.kind)
            assert text is None or all(str(word) in text.casefold() for word in reason.values)


@pytest.mark.parametrize("name", FIXTURES)
def test_no_link_leads_to_real_work(name: str) -> None:
    nobodys = re.compile(
        r"https://(?:arxiv\.org/(?:abs|pdf)/\d{4}\.9\d{4}|doi\.org/10\.5555/[\w.]+|github\.com/example/[\w-]+"
        r"|(?:[\w-]+\.)*example\.org(?:/\S*)?)"
    )
    for paper in FIXTURES[name]().papers.values():
        assert all(nobodys.fullmatch(link.url) for link in paper.links)
        assert not paper.thumbnail or nobodys.fullmatch(paper.thumbnail)


def test_many_shows_everything_that_an_e_mail_can_have() -> None:
    one = FIXTURES["many"]()
    papers = one.papers.values()
    assert one.digest.top
    assert one.digest.outside
    assert one.digest.also
    assert one.digest.left_out
    assert len(one.digest.sections) == 3
    assert {link.kind for paper in papers for link in paper.links} == set(LinkKind)
    for field in ("venue", "published", "version", "votes", "ai_summary", "thumbnail", "authors"):
        assert any(getattr(paper, field) for paper in papers), field


def test_one_and_none_have_that_many() -> None:
    assert len(FIXTURES["one"]().digest.picks) == 1
    assert FIXTURES["none"]().digest.empty


def test_long_goes_to_the_limits(made: Made) -> None:
    papers = FIXTURES["long"]().papers.values()
    titles = {len(paper.title) for paper in papers}
    assert 226 in titles
    assert max(titles) > 226  # the one that is a single word
    assert 3_303 in {len(paper.authors) for paper in papers}
    assert 40_000 in {len(paper.abstract) for paper in papers}
    raw = "".join(paper.title + paper.abstract for paper in papers)
    assert "\x00" in raw
    assert re.search("[\ud800-\udfff]", raw)
    content = made["long"].message.content
    assert b"\x00" not in content
    title = next(paper.title for paper in papers if len(paper.title) == 226)
    assert title in made["long"].parts.text
    assert "+ 3,300 more" in made["long"].parts.text
    assert "half a character" in made["long"].parts.text


@pytest.mark.parametrize(
    ("name", "scripts"),
    [("rtl", ["HEBREW", "ARABIC", "LATIN"]), ("cjk", ["CJK UNIFIED", "HIRAGANA", "KATAKANA", "HANGUL"])],
)
def test_scripts_are_in_titles_and_topics(name: str, scripts: list[str]) -> None:
    one = FIXTURES[name]()
    titles = "".join(paper.title for paper in one.papers.values())
    topics = "".join(section.name for section in one.digest.sections)
    found = {name_of(letter, "") for letter in titles}
    assert all(any(letter.startswith(script) for letter in found) for script in scripts)
    assert not topics.isascii()


RENDERED = [
    ("360°", "360°"),
    ("O(N<sup>2</sup>)", "O(N²)"),
    ("<strong>Mamba</strong>", "Mamba"),
    ("L<sub>1</sub>", "L₁"),
    ("α-divergence", "α-divergence"),
    ("i.e., how", "i.e., how"),
    ("Schrödinger", "Schrödinger"),
    ("90%", "90%"),
    ("2.5×", "2.5×"),
    ("~30pp", "~30pp"),
    ("as in and", "as in and"),
    ("gains 20% AP50 over ours", "gains 20% AP50 over ours"),
    ("$5 and $10 vs. $12.5 total", "$5 and $10 vs. $12.5 total"),
    ("at $0.46 per game and α", "at $0.46 per game and α"),
    ("method beats ours", "method beats ours"),
    ("x–y", "x–y"),
    ("<code>&lt;/think&gt;</code>", "</think>"),
    ("AT&amp;T &amp; co #1: where a_b is a name and p&lt;0.05", "AT&T & co #1: where a_b is a name and p<0.05"),
    ("https://names.example.org/a_b", "https://names.example.org/a_b"),
    ("a list (https://names.example.org/~vgg)", "a list (https://names.example.org/~vgg)"),
    ("www.example.org/~vgg/a_b/", "www.example.org/~vgg/a_b/"),
]


@pytest.mark.parametrize(("in_html", "in_text"), RENDERED)
def test_latex_is_read_as_its_authors_meant_it(made: Made, in_html: str, in_text: str) -> None:
    parts = made["latex"].parts
    bare = re.sub(r"<(su[bp]|strong|code|em)\b[^>]*>", r"<\1>", parts.html)
    assert in_html in bare
    assert in_text in parts.text


@pytest.mark.parametrize("name", FIXTURES)
def test_what_is_made_of_a_fixture_is_whole_and_without_a_fault(made: Made, name: str) -> None:
    one, parts = FIXTURES[name](), made[name].parts
    assert list(parts.papers) == [pick.paper for pick in one.digest.picks]
    said = unescape(parts.html)
    assert all(section.name in said for section in one.digest.sections)
    assert not re.search("[\ud800-\udfff\x00\ue000-\uf8ff]", parts.html + parts.text + parts.subject)
    found = [finding for finding in lint(made[name].message.content) if finding.severity is not Severity.NOTE]
    assert [(finding.check, finding.message) for finding in found if not finding.allowed] == []


async def test_all_an_operator_can_switch_on_shows(made: Made, tmp_path: Path) -> None:
    switched = await compose(tmp_path, summaries="source", thumbnails=True)
    top = FIXTURES["many"]().papers["arxiv:2506.90001"]
    assert top.ai_summary in switched["many"].parts.text
    assert top.thumbnail in switched["many"].parts.html
    assert top.ai_summary not in made["many"].parts.text
    assert top.thumbnail not in made["many"].parts.html
    assert not [finding for finding in lint(switched["many"].message.content) if finding.severity is Severity.ERROR]
